/// A setting without the type of its value: a row of the table that the environment is checked against.
/// It is made by `Setting.row`.
public struct SettingRow: Sendable {
    public let name: String
    /// What an unset variable means, as a user would write it; empty where the help says what empty means.
    public let defaultText: String
    /// What is allowed, for errors and for the table in the README.
    public let allowed: String
    /// One sentence for the table in the README.
    public let help: String
    private let check: @Sendable (String) -> Bool

    init(name: String, defaultText: String, allowed: String, help: String, check: @escaping @Sendable (String) -> Bool)
    {
        self.name = name
        self.defaultText = defaultText
        self.allowed = allowed
        self.help = help
        self.check = check
    }

    /// Whether the variable may hold this text.
    public func isAllowed(_ text: String) -> Bool { check(text) }
}
