/// Why the tool ends early: one line for the user, and what it means for the exit code.
struct ToolError: Error {
    /// As sysexits.h has it: a wrong argument or variable.
    static let usageExitCode: Int32 = 64
    static let failureExitCode: Int32 = 1

    let message: String
    let exitCode: Int32

    /// A wrong argument: the message names it, its value and what is allowed.
    static func usage(_ message: String) -> ToolError { ToolError(message: message, exitCode: usageExitCode) }

    static func failure(_ message: String) -> ToolError { ToolError(message: message, exitCode: failureExitCode) }
}
