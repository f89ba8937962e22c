/// One environment variable: its name, what it may hold, what it is for.
public struct Setting<Value: Sendable>: Sendable {
    public let name: String
    /// What an unset variable means, as a user would write it.
    public let defaultText: String
    /// What is allowed, for errors: "a number of milliseconds from 1 to 3600000".
    public let allowed: String
    /// One sentence for the table in the README.
    public let help: String
    /// Nil when the text is not allowed.
    public let parse: @Sendable (String) -> Value?

    /// - Precondition: `parse` allows the default.
    public init(
        _ name: String, defaultText: String, allowed: String, help: String,
        parse: @escaping @Sendable (String) -> Value?
    ) {
        precondition(parse(defaultText) != nil, "the default of \(name) is not allowed by its own rule")
        self.name = name
        self.defaultText = defaultText
        self.allowed = allowed
        self.help = help
        self.parse = parse
    }

    /// The setting without its type, for tables of settings.
    public var row: SettingRow {
        SettingRow(name: name, defaultText: defaultText, allowed: allowed, help: help) { [parse] in parse($0) != nil }
    }
}
