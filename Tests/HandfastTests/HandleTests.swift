import Testing

@testable import Handfast

@Suite struct `A handle` {
    private struct Slot: TableSlot {
        static let kind = HandleKind.message
        var generation: UInt64 = 0
        var nextFree: UnsafeMutablePointer<Slot>?
    }

    private static let pool = SlotPool<Slot>()

    @Test func `names its slot and the owner, also when it is stale, until the table is gone`() throws {
        let owner = try #require(UnsafeMutableRawPointer(bitPattern: 4096))
        var handles: [UInt64] = []
        do {
            var table = SlotTable<Slot>(limit: 192, pool: Self.pool)
            table.owner = owner
            let slots = (0..<192).compactMap { _ in table.take() }
            #expect(slots.count == 192 && table.take() == nil)
            handles = slots.map { $0.pointee.generation }
            for (slot, handle) in zip(slots, handles) {
                #expect(Handle.find(handle, Slot.self)?.slot == slot)
                #expect(Handle.find(handle, Slot.self)?.owner == owner)
            }
            table.give(slots[7])
            #expect(Handle.find(handles[7], Slot.self)?.slot == slots[7])
            #expect(slots[7].pointee.generation != handles[7])
        }
        for handle in handles {
            let found = try #require(Handle.find(handle, Slot.self))
            #expect(found.owner == nil && found.slot.pointee.generation != handle)
        }
        #expect(Set(handles).count == 192)
    }

    @Test func `of another kind, or that nobody has, finds nothing`() {
        for kind: UInt64 in 0...7 where kind != HandleKind.message.rawValue {
            #expect(Handle.find(kind << Handle.kindShift, Slot.self) == nil)
        }
        let last = Handle.first(.message, number: (1 << 25) - 1)
        #expect(Handle.find(last, Slot.self) == nil)
        #expect(Handle.find(.max, Slot.self) == nil)
    }

    @Test func `begins its turns again when they are used up, and stays the same slot's`() {
        let first = Handle.first(.request, number: 77)
        let last = first + (1 << 35) - 1
        #expect(Handle.generation(after: first) == first + 1)
        #expect(Handle.generation(after: last) == first)
        // No ticket.
        #expect(Handle.first(.completeRequest, number: (1 << 25) - 1) & Tickets.mark == 0)
    }

    @Test func `of a request that was complete at once tells its bytes`() {
        for byteCount in [0, 1, 1 << 40 - 1] {
            let handle = Request.handle(completeWith: byteCount)
            #expect(Request.byteCount(ofComplete: handle) == byteCount)
            #expect(Request.find(handle) == nil)
        }
        #expect(Request.byteCount(ofComplete: Handle.first(.request, number: 0)) == nil)
    }
}
