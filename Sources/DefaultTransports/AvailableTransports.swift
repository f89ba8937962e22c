public import Handfast
public import TransportAPI
import TransportPlugins

/// The transports of this package and those from outside, which HANDFAST_PLUGIN_PATH leads to, in the order in which they
/// are tried: those from outside come before TCP, which always works. One that cannot be used says why when it is made.
/// - Parameter environment: where the variable is looked for, as `Settings.processEnvironment()` gives it.
/// - Throws: `invalidArgument` when the variable has something else than folders.
public func availableTransports(in environment: [String: String]) throws(HandfastError) -> [TransportDefinition] {
    let folders = try Settings.pluginFolders(in: environment)
    guard !folders.isEmpty else { return defaultTransports }
    let neighbours = Neighbours(defaultTransports, settings: Settings.rows(transports: []))
    do throws(PluginFolderError) {
        let others = try TransportPlugins.definitions(in: folders, beside: neighbours)
        return defaultTransports.dropLast() + others + defaultTransports.suffix(1)
    } catch { throw HandfastError(.invalidArgument, "HANDFAST_PLUGIN_PATH: \(error.description)") }
}
