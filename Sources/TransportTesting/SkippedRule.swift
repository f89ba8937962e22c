/// A rule does not apply to this transport or cannot be tried here.
struct SkippedRule: Error {
    let reason: String
}
