/// The environment as it was when it was read, checked against a table of settings.
public struct SettingValues: Sendable {
    /// Where a value comes from.
    public enum Source: Hashable, Sendable { case `default`, environment }

    /// The longest value that is looked at, in bytes of UTF-8.
    public static let maximumValueByteCount = 4096
    /// Every variable that begins so must be in the table.
    static let prefix = "HANDFAST_"

    /// What is in force, by name: every row of the table and nothing else.
    private let texts: [String: String]
    private let fromEnvironment: Set<String>

    /// - Parameters:
    ///   - environment: names and values; names that are no row and do not begin with `HANDFAST_` are ignored.
    ///   - rows: all settings there are, of the core and of every transport.
    /// - Throws: for the first row, in their order, whose value is not allowed or is longer than 4096 bytes; then for
    ///   the first name, in alphabetical order, that begins with `HANDFAST_` and is no row.
    public init(environment: [String: String], checkedAgainst rows: [SettingRow]) throws(SettingError) {
        var texts: [String: String] = [:]
        var fromEnvironment: Set<String> = []
        for row in rows {
            guard let value = environment[row.name] else {
                texts[row.name] = row.defaultText
                continue
            }
            guard value.utf8.count <= Self.maximumValueByteCount else { throw .tooLong(value, row: row) }
            guard row.isAllowed(value) else { throw .notAllowed(value, row: row) }
            texts[row.name] = value
            fromEnvironment.insert(row.name)
        }
        let unknown = environment.keys.filter { $0.hasPrefix(Self.prefix) && texts[$0] == nil }.min()
        if let unknown {
            throw .unknown(
                unknown, value: environment[unknown] ?? "", prefix: Self.prefix, known: rows.map(\.name))
        }
        self.texts = texts
        self.fromEnvironment = fromEnvironment
    }

    /// - Precondition: the setting was a row of the table that the environment was checked against.
    public subscript<Value>(setting: Setting<Value>) -> Value {
        guard let text = texts[setting.name], let value = setting.parse(text) else {
            preconditionFailure("\(setting.name) is missing from the settings of its definition")
        }
        return value
    }

    /// The text in force, as the user or the default has it; nil when the row was not in the table.
    public func text(of row: SettingRow) -> String? { texts[row.name] }

    /// Whether the row's value was set or is its default.
    public func source(of row: SettingRow) -> Source { fromEnvironment.contains(row.name) ? .environment : .default }
}
