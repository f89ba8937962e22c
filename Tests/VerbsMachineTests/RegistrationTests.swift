import CVerbs
import Glibc
import Testing

@testable import VerbsTransport

extension `Over verbs in the virtual machine` {
    /// Of one page and more of memory that is mapped here.
    @Suite(.serialized) struct `the registrations of a device` {
        private static let size = 1 << 20

        @Test func `end with their last use, unless the memory is kept`() throws {
            try withCache { cache, memory in
                var error: Int32 = 0
                let one = try #require(cache.take(memory, Self.size, CVERBS_READ_INTO, &error))
                let other = try #require(cache.take(memory, Self.size, CVERBS_READ_INTO, &error))
                #expect(one == other)
                #expect(cache.registeredByteCount == UInt(Self.size))
                cache.give(one)
                #expect(cache.registeredByteCount == UInt(Self.size))
                cache.give(other)
                #expect(cache.registeredByteCount == 0)

                cache.keep(memory, Self.size)
                // Nobody has needed it.
                #expect(cache.registeredByteCount == 0)
                for offset in [0, 4096, Self.size - 8] {
                    let entry = try #require(cache.take(memory + offset, 8, CVERBS_REMOTE_READ, &error))
                    cache.give(entry)
                    #expect(cache.registeredByteCount == UInt(Self.size))
                }
                cache.forget(memory, Self.size)
                #expect(cache.registeredByteCount == 0)
                // What was never kept.
                cache.forget(memory, Self.size)
                #expect(cache.registeredByteCount == 0)
            }
        }

        @Test func `are given up for want of memory, and for no other reason`() throws {
            try withCache { cache, memory in
                var error: Int32 = 0
                cache.keep(memory, 4096)
                cache.give(try #require(cache.take(memory, 8, CVERBS_READ_INTO, &error)))
                let constant = mmap(nil, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
                defer { munmap(constant, 4096) }
                #expect(cache.take(constant, 4096, CVERBS_READ_INTO, &error) == nil)
                #expect(error != 0 && error != ENOMEM)
                #expect(cache.registeredByteCount == 4096)
                try withoutMorePinnedMemory {
                    #expect(cache.take(memory + 8192, 4096, CVERBS_READ_INTO, &error) == nil)
                    #expect(error == ENOMEM)
                }
                #expect(cache.registeredByteCount == 0)
            }
        }

        @Test func `are kept as often as the program says`() throws {
            try withCache { cache, memory in
                var error: Int32 = 0
                cache.keep(memory, Self.size)
                cache.keep(memory, Self.size)
                cache.give(try #require(cache.take(memory, 8, CVERBS_READ_INTO, &error)))
                cache.forget(memory, Self.size)
                #expect(cache.registeredByteCount == UInt(Self.size))
                cache.forget(memory, Self.size)
                #expect(cache.registeredByteCount == 0)
            }
        }

        @Test func `are not shared by parts of memory that may be unmapped before the whole`() throws {
            try withCache { cache, memory in
                var error: Int32 = 0
                let whole = try #require(cache.take(memory, Self.size, CVERBS_READ_INTO, &error))
                // When the first use is over its memory may go, but for this part.
                let part = try #require(cache.take(memory, 4096, CVERBS_READ_INTO, &error))
                #expect(part != whole)
                cache.give(whole)
                #expect(cache.registeredByteCount == 4096)
                cache.give(part)
                #expect(cache.registeredByteCount == 0)
            }
        }

        @Test func `of memory that was kept serve nobody new once it is not`() throws {
            try withCache { cache, memory in
                var error: Int32 = 0
                cache.keep(memory, Self.size)
                let part = try #require(cache.take(memory, 4096, CVERBS_READ_INTO, &error))
                cache.forget(memory, Self.size)
                let next = try #require(cache.take(memory, Self.size, CVERBS_READ_INTO, &error))
                #expect(next != part)
                cache.give(part)
                #expect(cache.registeredByteCount == UInt(Self.size))
                cache.give(next)
                #expect(cache.registeredByteCount == 0)
            }
        }

        @Test func `of memory that is not there fail with an error, and leave nothing`() throws {
            try withCache { cache, memory in
                var error: Int32 = 0
                munmap(memory + Self.size / 2, Self.size / 2)
                #expect(cache.take(memory, Self.size, CVERBS_READ_INTO, &error) == nil)
                #expect(error == EFAULT)
                #expect(cache.registeredByteCount == 0)
                // Also where the program promised to keep it; what is there of it can be used.
                cache.keep(memory, Self.size)
                #expect(cache.take(memory, Self.size, CVERBS_READ_INTO, &error) == nil)
                let part = try #require(cache.take(memory, Self.size / 2, CVERBS_READ_INTO, &error))
                cache.give(part)
                #expect(cache.registeredByteCount == 0)
            }
        }

        private func withCache(
            _ body: (inout RegistrationCache, UnsafeMutableRawPointer) throws -> Void
        ) throws {
            try #require(cverbs_load(nil, 0) == 0)
            var sizes = cverbs_sizes(receive_count: 16, completion_count: 64)
            var error: Int32 = 0
            let device = try #require(cverbs_device_open("rxe0", &sizes, &error), "errno \(-error)")
            let memory = try #require(mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
            var cache = RegistrationCache(device, splitsKept: false)
            defer {
                cache.deallocate()
                munmap(memory, Self.size)
                cverbs_device_close(device)
            }
            try body(&cache, memory)
        }
    }
}
