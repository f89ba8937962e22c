import Glibc
import Synchronization

/// Runs the jobs of actors on the thread that drives an endpoint, in turn with its progress.
///
/// An actor whose `unownedExecutor` is this one may own the endpoint: what is isolated to it runs nowhere else, and the
/// thread sleeps while there is neither a job nor a message. `EndpointActor` is such an actor. A task that prefers this
/// executor, `Task(executorPreference:)`, and its children are not on the global pool at any moment; others pass
/// through it whenever they are resumed, which costs some 20 us. Jobs may come from any thread; they run only while
/// `run` does.
public final class EndpointExecutor: SerialExecutor, TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])
    private let hasJobs = Atomic<Bool>(false)
    /// Of the one that runs; 0 for none.
    private let thread = Atomic<UInt>(0)
    private let waker: Waker

    /// - Parameter endpoint: the one that `run` will drive.
    /// - Throws: `resources`.
    public init(for endpoint: Endpoint) throws(HandfastError) { waker = try endpoint.engine.madeTaskWaits().waker }

    /// Drives the endpoint and runs jobs, on the thread that calls it, until a condition holds. Jobs that come later
    /// wait for the next call.
    /// - Parameters:
    ///   - endpoint: the one that the executor was made for.
    ///   - isDone: looked at after every job and whenever something has arrived.
    public func run(_ endpoint: Endpoint, until isDone: () -> Bool) {
        onThisThread {
            while true {
                runJobs()
                if isDone() { return }
                if hasJobs.load(ordering: .acquiring) {
                    // Jobs that make jobs must not keep messages waiting.
                    endpoint.progress()
                } else {
                    _ = endpoint.wait { hasJobs.load(ordering: .acquiring) || isDone() }
                }
            }
        }
    }

    /// Tells the language that this thread is the executor's.
    func onThisThread<Value>(_ body: () throws -> Value) rethrows -> Value {
        let before = thread.exchange(Self.currentThread, ordering: .relaxed)
        defer { thread.store(before, ordering: .relaxed) }
        return try body()
    }

    private func runJobs() {
        guard hasJobs.load(ordering: .acquiring) else { return }
        let due = jobs.withLock { jobs in
            hasJobs.store(false, ordering: .relaxed)
            defer { jobs = [] }
            return jobs
        }
        let (serial, task) = (asUnownedSerialExecutor(), asUnownedTaskExecutor())
        for job in due { job.runSynchronously(isolatedTo: serial, taskExecutor: task) }
    }

    // MARK: For the language

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { jobs in
            jobs.append(job)
            hasJobs.store(true, ordering: .releasing)
        }
        if thread.load(ordering: .relaxed) != Self.currentThread { waker.wake() }
    }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    public func asUnownedTaskExecutor() -> UnownedTaskExecutor { UnownedTaskExecutor(ordinary: self) }

    public func checkIsolated() {
        precondition(
            thread.load(ordering: .relaxed) == Self.currentThread, "not on the thread that drives the endpoint")
    }

    private static var currentThread: UInt { UInt(pthread_self()) }
}
