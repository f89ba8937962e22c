import Glibc

/// What an engine keeps of one connection. It compares what arrives with what was sent, and what the transport
/// calls with what the contract allows.
final class Sink {
    private static let guardByteCount = 64
    private static let guardByte: UInt8 = 0xa5

    private let incoming: Pattern
    var appetite = Appetite.everything
    /// Bytes to read ahead where there is no place.
    var readAhead = 65_536
    private(set) var receivedCount = 0
    private(set) var ends: [Int32] = []
    private(set) var writableCount = 0
    private(set) var readResults: [UInt64: Int32] = [:]
    /// It took less than it was given, and did not resume yet.
    private(set) var isStopped = false
    /// Its channel was closed from this side.
    var isClosed = false
    /// What the contract forbids and the transport did.
    private(set) var violations: [String] = []

    /// Called from within the transport's own call, as an engine's code would be.
    var onArrival: (() -> Void)?
    var onRoom: (() -> Void)?
    var onEnd: (() -> Void)?

    private var place: UnsafeMutableRawBufferPointer?
    private var filledCount = 0

    init(incoming: Pattern) { self.incoming = incoming }

    deinit { place?.deallocate() }

    func clearHooks() { (onArrival, onRoom, onEnd) = (nil, nil, nil) }

    func resumes() { isStopped = false }

    func nextPlace(_ byteCount: UnsafeMutablePointer<UInt64>) -> UnsafeMutableRawPointer? {
        check("place", isArrival: true)
        if place == nil, let wanted = appetite.nextPlace() {
            let place = UnsafeMutableRawBufferPointer.allocate(byteCount: wanted + Self.guardByteCount, alignment: 1)
            for index in wanted..<place.count { place[index] = Self.guardByte }
            self.place = place
        }
        guard let place else {
            byteCount.pointee = UInt64(readAhead)
            return nil
        }
        byteCount.pointee = UInt64(place.count - Self.guardByteCount - filledCount)
        return place.baseAddress! + filledCount
    }

    func fill(_ byteCount: Int) {
        check("placed", isArrival: true)
        guard let place, byteCount > 0, filledCount + byteCount <= place.count - Self.guardByteCount else {
            return violations.append("placed \(byteCount) bytes where there was no room for them")
        }
        compare(UnsafeRawBufferPointer(rebasing: place[filledCount..<filledCount + byteCount]))
        filledCount += byteCount
        if filledCount == place.count - Self.guardByteCount { endPlace(place) }
        onArrival?()
    }

    private func endPlace(_ place: UnsafeMutableRawBufferPointer) {
        if place[filledCount...].contains(where: { $0 != Self.guardByte }) {
            violations.append("wrote beyond a place of \(filledCount) bytes")
        }
        place.deallocate()
        self.place = nil
        filledCount = 0
    }

    func take(_ bytes: UnsafeRawBufferPointer) -> Int {
        check("deliver", isArrival: true)
        if bytes.isEmpty { violations.append("delivered nothing") }
        let taken = appetite.take(bytes.count)
        compare(UnsafeRawBufferPointer(rebasing: bytes[..<taken]))
        isStopped = taken < bytes.count
        if taken > 0 { onArrival?() }
        return taken
    }

    private func compare(_ bytes: UnsafeRawBufferPointer) {
        if !incoming.matches(bytes, at: receivedCount) {
            violations.append("bytes differ after byte \(receivedCount) of the stream, in a run of \(bytes.count)")
        }
        receivedCount += bytes.count
    }

    func hasRoom() {
        check("writable", isArrival: false)
        writableCount += 1
        onRoom?()
    }

    func endRead(_ token: UInt64, _ error: Int32) {
        check("read_done", isArrival: false)
        if readResults.updateValue(error, forKey: token) != nil { violations.append("read \(token) ended twice") }
    }

    func end(_ error: Int32) {
        // A fault may show while the engine holds back; an orderly end comes after the last byte.
        check("closed", isArrival: error == 0)
        ends.append(error)
        onEnd?()
    }

    private func check(_ call: String, isArrival: Bool) {
        // A loop that breaks a rule forever must not fill the memory.
        guard violations.count < 10 else { return }
        if isClosed { violations.append("\(call) after the channel was closed") }
        if !ends.isEmpty { violations.append("\(call) after closed") }
        if isArrival, isStopped { violations.append("\(call) before the engine resumed") }
    }
}
