import TransportAPI

extension Settings {
    /// The folders that HANDFAST_PLUGIN_PATH names, in its order; absolute paths of which nothing else is known.
    /// - Throws: `invalidArgument` with variable, value and what is allowed.
    public static func pluginFolders(in environment: [String: String]) throws(HandfastError) -> [String] {
        let own = environment.filter { $0.key == pluginPath.name }
        do throws(SettingError) {
            return try SettingValues(environment: own, checkedAgainst: [pluginPath.row])[pluginPath]
        } catch { throw HandfastError(.invalidArgument, error.message) }
    }
}
