/// A peer's whole name, ordered as both sides of a connection order it.
///
/// Wire forms are compared as unsigned bytes, and whole names only where the wire forms are equal; of two names the
/// lower one is the same on both sides.
public struct PeerName: Hashable, Sendable {
    public let whole: String
    public var wire: WireName { WireName(whole) }

    public init(_ whole: String) { self.whole = whole }

    /// Two spellings that are canonically equal in Unicode are different names: only bytes count.
    public static func == (left: PeerName, right: PeerName) -> Bool {
        left.whole == right.whole && left.whole.utf8.elementsEqual(right.whole.utf8)
    }

    /// Equal bytes are equal strings.
    public func hash(into hasher: inout Hasher) { hasher.combine(whole) }
}

extension PeerName: Comparable {
    public static func < (left: PeerName, right: PeerName) -> Bool {
        let (leftWire, rightWire) = (left.wire, right.wire)
        guard leftWire == rightWire else { return leftWire < rightWire }
        return left.whole.utf8.lexicographicallyPrecedes(right.whole.utf8)
    }
}
