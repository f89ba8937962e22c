/// The tasks that wait for something of one endpoint. They are resumed from its progress.
final class TaskWaits: DeadlineHolder {
    enum Outcome: Sendable {
        case held
        case timedOut
        case cancelled
    }

    private enum Subject {
        /// Its callback tells the end.
        case request(Request)
        case condition(() -> Bool)
    }

    private struct Wait {
        let subject: Subject
        let deadline: ContinuousClock.Instant?
        let continuation: UnsafeContinuation<Outcome, Never>
    }

    let waker: Waker
    private unowned let engine: Engine
    private var waits: [UInt64: Wait] = [:]
    /// Those of the waits that wait for a condition, oldest first.
    private var conditions: [UInt64] = [] { didSet { engine.state.pointee.hasConditions = !conditions.isEmpty } }
    private var results: [UInt64: Result<Completion, HandfastError>] = [:]
    private var deadlineCount = 0
    private var lastID: UInt64 = 0

    init(_ engine: Engine) throws(HandfastError) {
        waker = try Waker()
        self.engine = engine
        guard engine.watches.add(waker.descriptor, .waker, readable: true, writable: false) != nil else {
            throw HandfastError(.resources, "epoll cannot watch what wakes \(engine.name)")
        }
    }

    // MARK: Beginning

    /// Suspends until a request is complete that is under way and that nothing else is told of.
    /// - Returns: its result, which is taken; nil when the time was over first: then the handle has the result again.
    func wait(
        for slot: UnsafeMutablePointer<RequestSlot>, _ timeout: Duration?,
        on actor: isolated (any Actor)? = #isolation
    ) async -> Result<Completion, HandfastError>? {
        let (id, waker) = (nextID(), waker)
        let outcome = await withTaskCancellationHandler {
            // A closure runs on the actor that it captures, and on the pool if it captures none.
            _ = actor
            return await withUnsafeContinuation { continuation in
                // Called before the engine ends.
                slot.direct { [unowned self] result in
                    results[id] = result
                    resume(id, .held)
                }
                add(id, .request(Request(slot)), timeout, continuation)
            }
        } onCancel: {
            waker.cancel(id)
        }
        return outcome == .held ? results.removeValue(forKey: id) : nil
    }

    /// Suspends until a condition holds, which is looked at after progress.
    func wait(
        _ timeout: Duration?, until condition: @escaping () -> Bool, on actor: isolated (any Actor)? = #isolation
    ) async -> Outcome {
        let (id, waker) = (nextID(), waker)
        return await withTaskCancellationHandler {
            _ = actor  // As above.
            return await withUnsafeContinuation { continuation in
                conditions.append(id)
                add(id, .condition(condition), timeout, continuation)
            }
        } onCancel: {
            waker.cancel(id)
        }
    }

    private func nextID() -> UInt64 {
        lastID += 1
        return lastID
    }

    private func add(
        _ id: UInt64, _ subject: Subject, _ timeout: Duration?, _ continuation: UnsafeContinuation<Outcome, Never>
    ) {
        let deadline = timeout.map { ContinuousClock.now + $0 }
        waits[id] = Wait(subject: subject, deadline: deadline, continuation: continuation)
        guard let deadline else { return }
        deadlineCount += 1
        if deadlineCount == 1 { engine.watch(self) } else { engine.due(at: deadline) }
    }

    // MARK: Ending

    /// - Returns: how many conditions hold, whose tasks go on.
    func checkConditions() -> Int {
        var held: [UInt64] = []
        for id in conditions {
            if case .condition(let holds) = waits[id]?.subject, holds() { held.append(id) }
        }
        for id in held { resume(id, .held) }
        return held.count
    }

    /// Another thread has asked for something.
    func isWoken() {
        for id in waker.takeCancelled() {
            switch waits[id]?.subject {
            // Its end is told by the callback. What cannot be cancelled goes on.
            case .request(let request): request.cancel()
            case .condition: resume(id, .cancelled)
            case nil: break
            }
        }
    }

    var nextDeadline: ContinuousClock.Instant? { waits.values.compactMap(\.deadline).min() }

    func checkDeadlines(_ now: ContinuousClock.Instant) {
        for (id, wait) in waits {
            guard let deadline = wait.deadline, deadline <= now else { continue }
            if case .request(let request) = wait.subject {
                // Complete: the callback is about to come.
                guard let slot = request.slot, !slot.pointee.isComplete else { continue }
                slot.undirect()
            }
            resume(id, .timedOut)
        }
    }

    private func resume(_ id: UInt64, _ outcome: Outcome) {
        guard let wait = waits.removeValue(forKey: id) else { return }
        if wait.deadline != nil {
            deadlineCount -= 1
            // A deadline that is watched makes every progress a little dearer.
            if deadlineCount == 0 { engine.unwatch(self) }
        }
        if case .condition = wait.subject { conditions.removeAll { $0 == id } }
        wait.continuation.resume(returning: outcome)
    }
}

extension UnsafeMutablePointer<RequestSlot> {
    /// The handle has the result again.
    fileprivate func undirect() {
        pointee.callback?.release()
        pointee.callback = nil
        pointee.isDirected = false
    }
}
