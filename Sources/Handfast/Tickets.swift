import CSystem

/// The requests of one endpoint that were complete at once: each has a ticket, and no slot. Which tickets were used is
/// noted in a ring, so that a second use is found out, unless one of 1,024 or more tickets later was used in between.
///
/// Never freed, as the slots, because a handle may outlive its endpoint; and the numbers go on from one endpoint to the
/// next, so that those of a former one fit nothing.
struct Tickets {
    static let ringCount = 1_024
    /// Set in every ticket and in no generation of a slot.
    static let mark: UInt64 = 1 << 63

    fileprivate(set) var next = Self.mark
    /// Of the endpoint that has them.
    fileprivate(set) var first = Self.mark
}

extension UnsafeMutablePointer<Tickets> {
    private var used: UnsafeMutablePointer<UInt64> {
        UnsafeMutableRawPointer(self + 1).assumingMemoryBound(to: UInt64.self)
    }

    // Hot path.
    func draw() -> UInt64 {
        let ticket = pointee.next
        pointee.next = ticket &+ 1
        return ticket
    }

    // Hot path.
    func isUsed(_ ticket: UInt64) -> Bool { used[Int(ticket % UInt64(Tickets.ringCount))] == ticket }

    // Hot path.
    func use(_ ticket: UInt64) { used[Int(ticket % UInt64(Tickets.ringCount))] = ticket }

    fileprivate static func make() -> Self {
        let byteCount = MemoryLayout<Tickets>.size + Tickets.ringCount * MemoryLayout<UInt64>.size
        let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: MemoryLayout<UInt64>.alignment)
        let tickets = memory.bindMemory(to: Tickets.self, capacity: 1)
        tickets.initialize(to: Tickets())
        // No ticket is zero.
        UnsafeMutableRawPointer(tickets + 1).initializeMemory(as: UInt64.self, repeating: 0, count: Tickets.ringCount)
        return tickets
    }
}

/// Tickets that no endpoint uses: those of a closed one go to the next.
final class TicketPool: Sendable {
    /// Addresses, because pointers cannot be shared. Unsafe as such, and good because each use holds the shared lock, for
    /// which a fork waits.
    private nonisolated(unsafe) var unused: [UInt] = []

    func take() -> UnsafeMutablePointer<Tickets> {
        csystem_lock_shared()
        defer { csystem_unlock_shared() }
        guard let address = unused.popLast(), let tickets = UnsafeMutablePointer<Tickets>(bitPattern: address) else {
            return .make()
        }
        tickets.pointee.first = tickets.pointee.next
        return tickets
    }

    func give(_ tickets: UnsafeMutablePointer<Tickets>) {
        csystem_lock_shared()
        defer { csystem_unlock_shared() }
        unused.append(UInt(bitPattern: tickets))
    }
}

let ticketPool = TicketPool()
