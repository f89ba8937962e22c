import CHandfast
import Glibc
import TransportAPI

/// The program of the other process.
public enum PeerProgram {
    /// Does what its arguments say (transport, role, task) and ends when the test that started it does.
    /// - Parameter transports: those that a test may name.
    public static func run(_ transports: [TransportUnderTest]) -> Never {
        // Whatever goes wrong, no process is left behind.
        alarm(120)
        // Descriptors of other tests, which would keep their connections alive.
        for descriptor in (PeerTask.controlDescriptor + 1)..<1024 { close(descriptor) }
        let control = ControlStream(descriptor: PeerTask.controlDescriptor)
        do {
            let arguments = CommandLine.arguments
            guard arguments.count == 4, let subject = transports.first(where: { $0.name == arguments[1] }),
                let task = PeerTask(rawValue: arguments[3])
            else { throw BrokenRule("no such transport or task: \(arguments.dropFirst())") }
            let transport = try subject.makeTransport()
            let attempt = try subject.makeAttempt(
                arguments[2] == "starter" ? .starter : .answerer, of: transport, at: .far)
            try control.agree(attempt)
            let end = try ChannelEnd(
                opening: attempt, of: transport, socket: PeerTask.streamDescriptor, outgoing: PeerTask.peerSeed,
                incoming: PeerTask.parentSeed)
            try PeerWork(transport: transport, end: end, control: control).perform(task)
            _exit(0)
        } catch let refusal as TransportRefusal {
            try? control.send(.failed(refusal.text))
        } catch {
            try? control.send(.failed("\(error)"))
        }
        _exit(1)
    }
}
