// What is going to happen, earliest first; of two at one instant, the one that was added first.

struct EventQueue<Event> {
  private struct Entry {
    var time: Int64
    var number: UInt64
    var event: Event

    func isBefore(_ other: Entry) -> Bool {
      time != other.time ? time < other.time : number < other.number
    }
  }

  /// A binary heap: each entry before the two at twice its place.
  private var heap: [Entry] = []
  private var added: UInt64 = 0

  mutating func add(_ event: Event, at time: Int64) {
    heap.append(Entry(time: time, number: added, event: event))
    added += 1
    var place = heap.count - 1
    while place > 0, heap[place].isBefore(heap[(place - 1) / 2]) {
      heap.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  mutating func next() -> (event: Event, time: Int64)? {
    guard let first = heap.first else { return nil }
    let last = heap.removeLast()
    if !heap.isEmpty {
      heap[0] = last
      sink()
    }
    return (first.event, first.time)
  }

  private mutating func sink() {
    var place = 0
    while true {
      var least = place
      for child in [2 * place + 1, 2 * place + 2]
      where child < heap.count && heap[child].isBefore(heap[least]) { least = child }
      if least == place { return }
      heap.swapAt(place, least)
      place = least
    }
  }
}
