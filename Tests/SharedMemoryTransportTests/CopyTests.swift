import CSystem
import Testing

@Suite struct `Copies into a ring` {
    @Test(arguments: [0...300, 2000...2200]) func `move every byte and no other, whatever the size and the place`(
        sizes: ClosedRange<Int>
    ) {
        let source = (0..<2300).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 1) | 1 }
        for byteCount in sizes {
            let start = byteCount % 19
            for isInOrder in [false, true] {
                var target = [UInt8](repeating: 0, count: 2300)
                target.withUnsafeMutableBytes { target in
                    source.withUnsafeBytes { source in
                        let (to, from) = (target.baseAddress! + start, source.baseAddress! + byteCount % 5)
                        if isInOrder {
                            csystem_copy_in_order(to, from, UInt64(byteCount))
                        } else {
                            csystem_copy(to, from, UInt64(byteCount))
                        }
                    }
                }
                let expected = source[(byteCount % 5)...].prefix(byteCount)
                #expect(Bool(target[start...].prefix(byteCount) == expected), "\(byteCount) bytes")
                #expect(target.count { $0 != 0 } == byteCount, "\(byteCount) bytes")
            }
        }
    }
}
