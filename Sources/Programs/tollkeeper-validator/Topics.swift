// Topics and health messages (Core/Sync/MAPPING.md).

struct Topics {
  let node: UInt64
  private let self8: [UInt8]

  init(node: UInt64) {
    self.node = node
    self8 = Array("/\(node)".utf8)
  }

  /// Bundles for a device.
  func bundle(for device: UInt64) -> [UInt8] {
    Array("tollkeeper/1/bundle/\(device)".utf8) + self8
  }

  /// Everybody's bundles for us.
  var subscription: [UInt8] { Array("tollkeeper/1/bundle/\(node)/+".utf8) }

  var health: [UInt8] { Array("tollkeeper/1/health/\(node)".utf8) }

  /// - Parameter time: Unix milliseconds.
  static func health(
    _ status: String, boot: UInt32, time: Int64, _ counters: Counters? = nil
  ) -> [UInt8] {
    var object = JSONObject()
    object.put("status", status)
    object.put("boot", boot)
    object.put("time", time)
    object.put("role", "validator")
    for (name, value) in counters?.values ?? [] { object.put(name, value) }
    return Array(object.line.utf8)
  }
}
