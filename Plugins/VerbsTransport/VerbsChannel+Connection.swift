import CSystem
import CVerbs
import Glibc

/// Of iWARP: what becomes of the connection that librdmacm made.
extension VerbsChannel {
    /// All zero where there is no such connection.
    static func news(of channel: Pointer) -> cverbs_connection_news {
        var news = unsafe cverbs_connection_news()
        if let connection = unsafe channel.pointee.rdmaConnection {
            unsafe cverbs_connection_look(connection, &news)
        }
        return unsafe news
    }

    /// How far it has come, for a text.
    static func lastNews(of channel: Pointer) -> String {
        let text = unsafe news(of: channel).text.map { unsafe String(cString: $0) } ?? ""
        return text.isEmpty ? "librdmacm has told of nothing" : "the last that librdmacm told of was \(text)"
    }

    /// Its state has changed. May call the engine.
    static func connectionChanged(_ channel: Pointer) {
        let news = unsafe news(of: channel)
        switch unsafe channel.pointee.phase {
        case .joining:
            if unsafe Int32(news.state) == CVERBS_CONNECTION_OVER {
                unsafe breakLater(channel, lossError(news), "no iWARP connection: \(lossText(news))")
            } else {
                unsafe csystem_event_ring(channel.pointee.attention)
            }
        case .open:
            guard unsafe Int32(news.state) == CVERBS_CONNECTION_OVER, unsafe !channel.pointee.hasPeerEnded else {
                return
            }
            // What has come is delivered first, which may take the engine a while.
            unsafe channel.pointee.hasPeerEnded = true
            unsafe channel.pointee.isCut = true
            unsafe touch(channel)
        case .leaving: unsafe breakPair(channel)
        case .ended, .broken: break
        }
    }

    /// The peer is gone without a goodbye. May call the engine.
    static func reportCut(_ channel: Pointer) {
        let news = unsafe news(of: channel)
        unsafe fail(channel, lossError(news), "the iWARP connection is gone: \(lossText(news))")
    }

    private static func lossError(_ news: cverbs_connection_news) -> Int32 {
        unsafe news.error < 0 ? -news.error : ECONNRESET
    }

    private static func lossText(_ news: cverbs_connection_news) -> String {
        let what = unsafe String(cString: news.text)
        return unsafe news.error == 0 ? what : "\(what), \(String(cString: strerror(-news.error)))"
    }

    // MARK: Completions

    // Hot path.
    /// Soft-iWARP ends sends while reads that were posted before them go on, so that each read is over by its own completion only,
    /// and a send by its own or that of one behind it. A fence would keep the order, and stop two such devices that read
    /// from each other for good: they answer no read while their own next send waits.
    static func completeUnordered(_ channel: Pointer, _ last: UInt16, _ status: UInt16) {
        let first = unsafe channel.pointee.completed
        let count = last &- first
        guard unsafe count < channel.pointee.posted &- first else { return }
        for distance in 0...count {
            let sequence = first &+ distance
            let place = unsafe Int(sequence % sendCount)
            let slot = unsafe channel.pointee.slots[place]
            if unsafe slot.isDone || (sequence != last && slot.read != nil) { continue }
            unsafe channel.pointee.slots[place].isDone = true
            // The engine may close from within, and all is let go then.
            unsafe retire(channel, slot, sequence == last ? status : 0)
            guard unsafe channel.pointee.completed == first else { return }
        }
        while unsafe channel.pointee.completed != channel.pointee.posted,
            unsafe channel.pointee.slots[Int(channel.pointee.completed % sendCount)].isDone
        {
            unsafe channel.pointee.completed &+= 1
        }
    }

    // MARK: Out of the device

    /// Whether all that was sent is at the peer's device when the send queue is empty: with iWARP it is only on its way, and a
    /// queue pair that goes takes it along.
    static func hasArrived(_ channel: Pointer) -> Bool {
        guard unsafe channel.pointee.rdmaConnection != nil else { return true }
        unsafe linger(channel, VerbsTiming.lingering)
        return false
    }

    /// Whether it cannot be destroyed without a wait for the peer's answer, which comes as an event.
    static func awaitsAnswer(_ channel: Pointer) -> Bool { unsafe news(of: channel).awaits_answer != 0 }

    static func dropConnection(_ channel: Pointer) {
        if let connection = unsafe channel.pointee.rdmaConnection { unsafe cverbs_connection_destroy(connection) }
        unsafe channel.pointee.rdmaConnection = nil
    }
}

extension VerbsState {
    /// Goes on with what has happened to the connections of an iWARP device. May call the engine.
    static func takeConnectionEvents(_ device: VerbsDevice.Pointer) -> UInt32 {
        guard unsafe device.pointee.isIWARP else { return 0 }
        var count: UInt32 = 0
        var owner: UnsafeMutableRawPointer?
        while count < 64, unsafe cverbs_connection_next(device.pointee.handle, &owner) != 0 {
            count += 1
            guard let owner = unsafe owner else { continue }
            // What came before a connection's end is still to be taken.
            unsafe takeCompletions(device)
            unsafe VerbsChannel.connectionChanged(owner.assumingMemoryBound(to: VerbsChannel.self))
        }
        return count
    }

    /// Peers that have not closed within the time have had all that was sent, and devices have given up what they will ever tell of.
    /// It is looked at when anything else wakes the endpoint, as only a queue pair waits for the first, and nobody knows of a
    /// device that needs the second.
    static func endLingering(_ device: VerbsDevice.Pointer) {
        let now = ContinuousClock.now
        unsafe device.pointee.lingering.forEach { channel, end in
            guard end < now else { return }
            if unsafe channel.pointee.phase == .ended {
                unsafe VerbsChannel.touch(channel)
            } else {
                unsafe VerbsChannel.breakPair(channel)
            }
        }
    }
}
