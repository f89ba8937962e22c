import Handfast

/// A binomial tree: counted from the root, a member's parent is its rank without the lowest bit that is set, and its
/// children are its rank with one of the bits below that.
final class Broadcast: GroupOperation {
    private let bytes: UnsafeMutableRawBufferPointer
    private let root: Int
    private var sendsLeft = 0

    init(_ group: Group, sequence: UInt32, bytes: UnsafeMutableRawBufferPointer, root: Int) {
        self.bytes = bytes
        self.root = root
        super.init(group, sequence: sequence)
    }

    /// Counted from the root.
    private var place: Int { (group.rank - root + group.memberCount) % group.memberCount }

    func start() throws(HandfastError) {
        guard place > 0 else { return try sendToChildren() }
        let parent = (place & (place - 1)) + root
        try receive(.broadcast, round: 0, from: parent % group.memberCount, into: bytes) {
            () throws(HandfastError) in try self.sendToChildren()
        }
    }

    /// The child with the most members below it first.
    private func sendToChildren() throws(HandfastError) {
        var bit = 1
        while bit < group.memberCount, place & bit == 0 { bit <<= 1 }
        var children: [Int] = []
        while bit > 1 {
            bit >>= 1
            if place + bit < group.memberCount { children.append((place + bit + root) % group.memberCount) }
        }
        sendsLeft = children.count
        guard sendsLeft > 0 else { return end() }
        for child in children {
            try send(bytes, .broadcast, to: child) { () throws(HandfastError) in
                self.sendsLeft -= 1
                if self.sendsLeft == 0 { self.end() }
            }
        }
    }
}
