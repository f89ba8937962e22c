/// A variable of the environment that makes no sense.
public struct SettingError: Error, Hashable, Sendable {
    /// The variable's whole name.
    public let variable: String
    /// One sentence that names the variable, its value (cut when long) and what is allowed.
    public let message: String

    private init(variable: String, message: String) {
        self.variable = variable
        self.message = message
    }

    static func notAllowed(_ value: String, row: SettingRow) -> SettingError {
        SettingError(variable: row.name, message: "\(row.name)=\(value.quoted) is not allowed; it takes \(row.allowed)")
    }

    static func tooLong(_ value: String, row: SettingRow) -> SettingError {
        SettingError(
            variable: row.name,
            message: "\(row.name)=\(value.quoted) has \(value.utf8.count) bytes,"
                + " but no setting may have more than \(SettingValues.maximumValueByteCount); it takes \(row.allowed)")
    }

    /// - Parameters:
    ///   - prefix: what every name begins with, so that it says nothing about likeness.
    ///   - known: whole names.
    static func unknown(_ variable: String, value: String, prefix: String, known: [String]) -> SettingError {
        let stems = known.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
        let nearest = NearestName.candidates(for: String(variable.dropFirst(prefix.count)), among: stems)
        let names = nearest.map { prefix + $0 }.joined(separator: " or ")
        let hint = nearest.isEmpty ? "; known are \(known.joined(separator: ", "))" : "; did you mean \(names)?"
        return SettingError(
            variable: variable,
            message: "\(variable.shortened)=\(value.quoted) is given, and there is no setting \(variable.shortened)"
                + hint)
    }
}

extension SettingError: CustomStringConvertible {
    public var description: String { message }
}
