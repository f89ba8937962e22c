import ArgumentParser
import DefaultTransports
import Handfast
import TransportAPI

struct ExplainCommand: ParsableCommand {
    enum Format: String, CaseIterable, ExpressibleByArgument { case table, json }

    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract:
            "Connects to a peer, tells what each side says of each transport and how long each step took, and leaves.",
        discussion:
            "One connect tells which transport is chosen; each other that both might use is asked for by a connect of its own."
    )

    @Argument(help: "Where the peer listens: host:port@name.")
    var address: String
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Use these, as in shm,tcp, or all but these, as in ^tcp.", valueName: "names"))
    var transport: String?
    @Option(parsing: .unconditional, help: "How it is written.")
    var format = Format.table

    func run() throws {
        let environment = Settings.processEnvironment()
        let settings = try Settings(environment: environment, transports: availableTransports(in: environment))
        let selection = try transport.map { text throws(ToolError) in
            do throws(HandfastError) { return try settings.selection(transports: text, select: "") } catch {
                throw .usage("--transport: \(error.message)")
            }
        }
        let explanation = try Explanation(
            of: address, selection: selection ?? settings.selection, settings: settings)
        switch format {
        case .table: Output.standard.write(ExplanationTable(explanation).text)
        case .json: Output.standard.write(ExplanationJSON(explanation).text + "\n")
        }
        if let error = explanation.error { throw ToolError.failure(error.message) }
    }
}
