import ArgumentParser
import DefaultTransports
import Handfast
import TransportAPI

struct InfoCommand: ParsableCommand {
    enum Format: String, CaseIterable, ExpressibleByArgument { case table, json }

    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Lists the transports, why some are not available, and all settings.",
        discussion:
            "Opens no device and talks to nobody; only transports from outside are opened, where HANDFAST_PLUGIN_PATH is set."
    )

    @Option(help: "How it is written.")
    var format = Format.table

    func run() throws {
        let environment = Settings.processEnvironment()
        let definitions = try availableTransports(in: environment)
        let settings = try Settings(environment: environment, transports: definitions)
        let transports = definitions.map { TransportState($0, settings) }
        switch format {
        case .table: Output.standard.write(InfoTable(transports: transports, settings: settings).text)
        case .json: Output.standard.write(InfoJSON(transports: transports, settings: settings).text + "\n")
        }
    }
}
