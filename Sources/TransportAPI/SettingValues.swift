/// The environment as it was when it was read, checked against a table of settings.
public struct SettingValues: Sendable {
    private let environment: [String: String]

    /// - Parameter environment: names and values; what is not a setting is ignored.
    public init(environment: [String: String]) { self.environment = environment }

    /// - Precondition: the setting was among those that were checked when the values were read.
    public subscript<Value>(setting: Setting<Value>) -> Value {
        setting.parse(environment[setting.name] ?? setting.defaultText)!
    }
}
