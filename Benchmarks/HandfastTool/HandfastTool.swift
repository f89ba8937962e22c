import ArgumentParser
import CHandfast
import Handfast

@main struct HandfastTool: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "handfast", abstract: "Measures and explains how Handfast joins processes.",
        version: "\(HF_VERSION_MAJOR).\(HF_VERSION_MINOR).\(HF_VERSION_PATCH)",
        subcommands: [PerfCommand.self, InfoCommand.self, ExplainCommand.self])

    static func main() {
        Output.claimStreams()
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            report(error)
        }
    }

    /// One line on the standard error; help is no error.
    private static func report(_ error: any Error) -> Never {
        switch error {
        case let error as ToolError: leave(error.message, error.exitCode)
        case let error as HandfastError:
            leave(
                error.message,
                error.code == .invalidArgument ? ToolError.usageExitCode : ToolError.failureExitCode)
        case _ where exitCode(for: error).isSuccess: exit(withError: error)
        default: leave(message(for: error), ToolError.usageExitCode)
        }
    }

    private static func leave(_ message: String, _ code: Int32) -> Never {
        let line = message.split(whereSeparator: \.isNewline).joined(separator: " ")
        Output.standardError.write("handfast: \(line)\n")
        exit(withError: ExitCode(code))
    }
}
