import Handfast

/// Dissemination: in round r each member tells the one 2^r ranks ahead, and hears from the one 2^r behind. After as
/// many rounds as there are doublings up to the number of members, each has heard of all.
final class Barrier: GroupOperation {
    func start() throws(HandfastError) { try round(0) }

    private func round(_ number: Int) throws(HandfastError) {
        let (count, distance) = (group.memberCount, 1 << number)
        guard distance < count else { return end() }
        try signal(.barrier, round: number, to: (group.rank + distance) % count)
        let nothing = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        try receive(.barrier, round: number, from: (group.rank - distance + count) % count, into: nothing) {
            () throws(HandfastError) in try self.round(number + 1)
        }
    }
}
