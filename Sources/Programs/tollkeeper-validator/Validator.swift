enum Validator {
  static func run(_ configuration: Configuration) throws(Failure) {}
}
