import Handfast

/// The echoing side of one connection.
///
/// It lives in raw memory, so that a message costs no exclusivity check.
struct EchoSession: ~Copyable {
    enum Phase {
        case serving
        /// The peer wants another layout, which begins when the last echo is out.
        case preparing(EchoLayout)
        /// Over, but echoes may still go out.
        case ending(HandfastError)
    }

    let connection: Connection
    private(set) var phase = Phase.serving
    private(set) var messageCount = 0
    /// The most bytes for the payloads of a layout.
    private let limit: Int
    private var layout: EchoLayout
    private var memory: Memory
    /// Memory is the endpoint's.
    private let allocates: Bool
    /// What of it was announced: it stays, so that a device may know it all the time.
    private var region: MemoryRegion?
    private var requests: UnsafeMutablePointer<Request?>
    private var posted: SlotQueue
    private var sending: SlotQueue
    /// Last in, first out, so that a ping-pong stays in one place of the cache.
    private var free: SlotQueue

    /// - Parameters:
    ///   - payloadByteCount: the longest message that is echoed unannounced.
    ///   - allocates: what a peer announces is answered from memory of the endpoint.
    init(
        _ connection: Connection, _ endpoint: Endpoint, payloadByteCount: Int, allocates: Bool
    ) throws(ToolError) {
        self.connection = connection
        self.allocates = allocates
        limit = 4 * payloadByteCount
        layout = .unannounced(payloadByteCount: payloadByteCount)
        memory = try Memory(byteCount: layout.byteCount)
        let count = layout.slotCount
        requests = Self.makeRequests(count)
        posted = SlotQueue(capacity: count)
        sending = SlotQueue(capacity: count)
        free = SlotQueue(capacity: count, filling: true)
        post(endpoint)
    }

    deinit {
        region?.deregister()
        requests.deallocate()
    }

    /// Nothing is under way any more.
    var isOver: Bool {
        if case .ending = phase { sending.count == 0 } else { false }
    }

    // Hot path.
    /// Answers what has arrived.
    mutating func step(_ endpoint: Endpoint) {
        var hasFreed = false
        while let number = sending.first, requests[number]!.isComplete {
            sending.removeFirst()
            finishSend(number)
            hasFreed = true
        }
        switch phase {
        case .serving: if hasFreed { post(endpoint) }
        case .preparing(let layout): return prepare(layout, endpoint)
        case .ending: return
        }
        while let number = posted.first, requests[number]!.isComplete {
            posted.removeFirst()
            answer(number)
            guard case .serving = phase else { return }
            post(endpoint)
        }
    }

    // Hot path.
    private mutating func answer(_ number: Int) {
        do throws(HandfastError) {
            let completion = try requests[number]!.result()!
            messageCount += 1
            switch EchoHeader.kind(of: header(number), byteCount: completion.headerByteCount) {
            case .take: free.append(number)
            case .echo: try send(number, completion.headerByteCount, completion.byteCount)
            case .acknowledge: try send(number, completion.headerByteCount, 0)
            case .prepare:
                let bytes = UnsafeRawBufferPointer(start: payload(number), count: completion.byteCount)
                if let layout = EchoLayout(reading: bytes, limit: limit) {
                    phase = .preparing(layout)
                    free.append(number)
                } else {
                    try send(number, completion.headerByteCount, completion.byteCount)
                }
            }
        } catch { end(error) }
    }

    // Hot path.
    private mutating func send(_ number: Int, _ headerByteCount: Int, _ byteCount: Int) throws(HandfastError) {
        let request = try connection.send(
            UnsafeRawBufferPointer(start: answer(to: number), count: byteCount),
            header: UnsafeRawBufferPointer(start: header(number), count: headerByteCount))
        requests[number] = request
        if request.isComplete { finishSend(number) } else { sending.append(number) }
    }

    // Hot path.
    /// A send that fails does so because the connection ended, and a receive says that too.
    private mutating func finishSend(_ number: Int) {
        _ = try? requests[number]!.result()
        free.append(number)
    }

    // Hot path.
    private mutating func post(_ endpoint: Endpoint) {
        do throws(HandfastError) {
            while posted.count < layout.depth, let number = free.popLast() {
                requests[number] = try endpoint.receive(
                    into: UnsafeMutableRawBufferPointer(start: payload(number), count: layout.payloadByteCount),
                    header: UnsafeMutableRawBufferPointer(start: header(number), count: layout.headerByteCount),
                    from: connection)
                posted.append(number)
            }
        } catch { end(error) }
    }

    // Hot path. Not inlined, this and the next would have all of the session copied for a call.
    @inline(__always)
    private func payload(_ number: Int) -> UnsafeMutableRawPointer {
        payloads + (layout.sharesRoom ? 0 : number * layout.payloadStride)
    }

    // Hot path.
    /// Where the payload of its echo lies.
    @inline(__always)
    private func answer(to number: Int) -> UnsafeMutableRawPointer {
        payloads + (layout.sharesRoom ? 1 : number) * layout.payloadStride
    }

    private var payloads: UnsafeMutableRawPointer {
        @inline(__always) get {
            memory.bytes.baseAddress! + layout.slotCount * layout.headerByteCount
        }
    }

    // Hot path.
    @inline(__always)
    private func header(_ number: Int) -> UnsafeMutableRawPointer {
        memory.bytes.baseAddress! + number * layout.headerByteCount
    }

    private mutating func prepare(_ layout: EchoLayout, _ endpoint: Endpoint) {
        guard sending.count == 0 else { return }
        withdrawReceives()
        do {
            region?.deregister()
            // Room for what is not announced is large and costs nothing, which memory of an endpoint would.
            if memory.bytes.count < layout.byteCount || allocates {
                memory = try Memory(byteCount: layout.byteCount, owner: allocates ? endpoint : nil)
            }
            self.layout = layout
            let used = UnsafeMutableRawBufferPointer(rebasing: memory.bytes[..<layout.byteCount])
            region = try endpoint.register(memory: used, permissions: [])
            // What was never written to is one page of zeros, which is quicker to read than memory.
            if layout.sharesRoom {
                answer(to: 0).initializeMemory(as: UInt8.self, repeating: 1, count: layout.payloadByteCount)
            }
            layOut()
            phase = .serving
            post(endpoint)
            guard let number = free.popLast() else { return }
            EchoHeader.write(.prepare, to: header(number))
            try send(number, EchoHeader.byteCount, 0)
        } catch let error as HandfastError {
            end(error)
        } catch { end(HandfastError(.resources, "\(error)")) }
    }

    private mutating func layOut() {
        let count = layout.slotCount
        requests.deallocate()
        requests = Self.makeRequests(count)
        posted = SlotQueue(capacity: count)
        sending = SlotQueue(capacity: count)
        free = SlotQueue(capacity: count, filling: true)
    }

    private static func makeRequests(_ count: Int) -> UnsafeMutablePointer<Request?> {
        let requests = UnsafeMutablePointer<Request?>.allocate(capacity: count)
        requests.initialize(repeating: nil, count: count)
        return requests
    }

    mutating func end(_ error: HandfastError) {
        if case .ending = phase { return }
        phase = .ending(error)
        connection.close()
        withdrawReceives()
    }

    private mutating func withdrawReceives() {
        while let number = posted.first {
            posted.removeFirst()
            requests[number]!.cancel()
            // What a peer sends while it waits for an answer is lost, which it cannot complain of.
            _ = try? requests[number]!.result()
        }
    }
}
