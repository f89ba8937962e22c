import Glibc
import Testing

@testable import SharedMemoryTransport

@Suite struct `A shared segment` {
    @Test func `is the same memory for whoever has the descriptor`() throws {
        let made = try SharedSegment.make(byteCount: 16_384)
        let adopted = try SharedSegment.adopt(dup(made.descriptor), expecting: 16_384)
        #expect(made.memory.allSatisfy { $0 == 0 })
        made.memory[16_383] = 7
        #expect(adopted.memory[16_383] == 7)
    }

    @Test func `cannot be cut or grown by anybody`() throws {
        let segment = try SharedSegment.make(byteCount: 4096)
        #expect(ftruncate(segment.descriptor, 0) == -1)
        #expect(ftruncate(segment.descriptor, 8192) == -1)
    }

    @Test func `of another size than agreed is refused`() throws {
        let made = try SharedSegment.make(byteCount: 4096)
        let copy = dup(made.descriptor)
        #expect(throws: SharedSegment.Failure.wrongSize(byteCount: 4096, expected: 8192)) {
            _ = try SharedSegment.adopt(copy, expecting: 8192)
        }
        // Taken over means closed, too; by now the number may be another test's.
        var (mine, other) = (stat(), stat())
        #expect(fstat(made.descriptor, &mine) == 0)
        #expect(fstat(copy, &other) != 0 || other.st_ino != mine.st_ino)
    }

    @Test func `that is a file, a pipe or nothing at all is refused`() {
        #expect(throws: SharedSegment.Failure.notSealed(systemError: EINVAL)) {
            _ = try SharedSegment.adopt(open("/dev/null", O_RDWR), expecting: 4096)
        }
        #expect(throws: SharedSegment.Failure.notSealed(systemError: EBADF)) {
            _ = try SharedSegment.adopt(-1, expecting: 4096)
        }
    }
}
