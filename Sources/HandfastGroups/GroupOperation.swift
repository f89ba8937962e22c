public import Handfast

/// A barrier or a broadcast under way at one member. It goes on by itself in the endpoint's `progress` and `wait`.
public class GroupOperation {
    /// True when this member has done all of its part, or has failed.
    public private(set) var isComplete = false
    /// Why it failed; nil while it is under way, and after success.
    public private(set) var error: HandfastError?

    let group: Group
    private let sequence: UInt32
    private var receive: Request?
    /// The header of the messages that are sent; stays until the last is out.
    private let header = UnsafeMutableRawBufferPointer.allocate(byteCount: GroupHeader.byteCount, alignment: 8)

    init(_ group: Group, sequence: UInt32) {
        self.group = group
        self.sequence = sequence
    }

    deinit { header.deallocate() }

    /// Gives up: a receive that waits is cancelled. The group is of no more use.
    public func cancel() {
        receive?.cancel()
        end(HandfastError(.cancelled, "the operation of the group was given up"))
    }

    func end(_ error: HandfastError? = nil) {
        guard !isComplete else { return }
        isComplete = true
        self.error = error
    }

    /// Posts a receive for the one message of a member that this step waits for.
    func receive(
        _ kind: GroupHeader.Kind, round: Int, from rank: Int, into bytes: UnsafeMutableRawBufferPointer,
        then next: @escaping () throws(HandfastError) -> Void
    ) throws(HandfastError) {
        let wanted = GroupHeader(group: group.number, sequence: sequence, kind: kind, round: UInt8(round))
        receive = try group.endpoint.receive(
            into: bytes, from: group.connections[rank], where: { bytes, _ in GroupHeader(bytes) == wanted },
            whenComplete: { [self] result in
                receive = nil
                step { () throws(HandfastError) in
                    let byteCount = try result.get().byteCount
                    guard byteCount == bytes.count else {
                        throw HandfastError(
                            .rejected, "member \(rank) has sent \(byteCount) bytes; \(bytes.count) were asked for")
                    }
                    try next()
                }
            })
    }

    /// Sends a message that is nothing but its header.
    func signal(_ kind: GroupHeader.Kind, round: Int, to rank: Int) throws(HandfastError) {
        writeHeader(kind, round)
        // Anything but this member's own rank has a connection.
        try group.connections[rank]?.sendCopy(
            UnsafeRawBufferPointer(start: nil, count: 0), header: UnsafeRawBufferPointer(header))
    }

    /// Sends bytes that stay as they are until the operation is complete; all sends of an operation have one header.
    func send(
        _ bytes: UnsafeMutableRawBufferPointer, _ kind: GroupHeader.Kind, to rank: Int,
        then next: @escaping () throws(HandfastError) -> Void
    ) throws(HandfastError) {
        writeHeader(kind, 0)
        try group.connections[rank]?.send(UnsafeRawBufferPointer(bytes), header: UnsafeRawBufferPointer(header)) {
            [self] result in
            step { () throws(HandfastError) in
                _ = try result.get()
                try next()
            }
        }
    }

    private func writeHeader(_ kind: GroupHeader.Kind, _ round: Int) {
        GroupHeader(group: group.number, sequence: sequence, kind: kind, round: UInt8(round)).write(to: header)
    }

    private func step(_ body: () throws(HandfastError) -> Void) {
        guard !isComplete else { return }
        do throws(HandfastError) { try body() } catch { end(error) }
    }
}
