public import CHandfast
import CSystem
import Glibc
public import TransportAPI

/// Moves bytes through memory that two processes of one host and one user share.
// Safe: the state is made here, freed here, and handed out only as the transport API says.
@safe public final class SharedMemoryTransport: Transport {
    public static let definition = TransportDefinition(
        name: "shm", number: 0x4801, summary: "shared memory between processes of one host and user",
        settings: [heapByteCount.row],
        make: { values throws(TransportRefusal) in try SharedMemoryTransport(heapByteCount: values[heapByteCount]) })

    static let defaultHeapByteCount = 4 << 30
    static let heapByteCount = Setting.byteCount(
        "HANDFAST_SHM_HEAP_BYTES", default: defaultHeapByteCount, in: 0...Int(PeerHeap.byteCountLimit),
        help:
            "The most memory that an endpoint lets its program allocate where peers on this host read it without a system"
            + " call; beyond it, and with 0, what is allocated is ordinary memory.")

    public let operations: UnsafePointer<hf_transport_operations>
    /// Readable when a peer has rung.
    public var descriptor: Int32 { wake.number }
    /// The end that peers open.
    var bell: Int32 { shared.number }
    let raw: UnsafeMutablePointer<SharedMemoryState>
    let lobby: Lobby
    let doorbell: SharedSegment
    let bootNumber: Nonce
    private let proof: Nonce
    private let heap: SharedHeap
    private let wake: Descriptor
    private let shared: Descriptor
    private let ringer: Descriptor

    public var state: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(raw) }

    /// - Throws: `unreachable` or `resources` when this host has no such memory, sockets or boot number.
    public convenience init() throws(TransportRefusal) {
        try self.init(heapByteCount: SharedMemoryTransport.defaultHeapByteCount)
    }

    init(heapByteCount: Int) throws(TransportRefusal) {
        bootNumber = try HostIdentity.bootNumber.get()
        proof = try Nonce.makeRandom()
        heap = SharedHeap(limit: heapByteCount, proof: proof)
        lobby = try Lobby()
        var (read, write): (Int32, Int32) = (-1, -1)
        let status = unsafe csystem_bell_make(&read, &write)
        guard status == 0 else { throw .system(-status, "no pipe to be woken by") }
        wake = Descriptor(owning: read)
        shared = Descriptor(owning: write)
        let opened = csystem_bell_open(write)
        guard opened >= 0 else { throw .system(-opened, "cannot open the pipe to be woken by") }
        ringer = Descriptor(owning: opened)
        do { doorbell = try SharedSegment.make(byteCount: Doorbell.byteCount) } catch {
            throw .segment(error, "the doorbell")
        }
        unsafe operations = SharedMemoryChannel.makeOperations()
        unsafe raw = SharedMemoryState.make(
            doorbell: Doorbell(doorbell.memory.baseAddress!), wake: read, bell: opened, proof: proof,
            secret: try Nonce.makeRandom(), heap: heap, segment: doorbell.descriptor)
        // On an old kernel: peers are told at once that all goes through the rings.
        if unsafe csystem_reserve_pages(doorbell.memory.baseAddress!, UInt64(doorbell.byteCount)) != 0 {
            unsafe raw.pointee.bulkLimit = 0
        }
    }

    deinit {
        unsafe SharedMemoryState.destroy(raw)
        unsafe operations.deallocate()
    }

    /// Whether two processes share a host is seen by trying, not by what the peer says.
    public func makeAttempt(
        _ role: AttemptRole, with peer: PeerDescription
    ) throws(TransportRefusal) -> any TransportAttempt {
        try SharedMemoryAttempt(role, transport: self)
    }

    /// What this endpoint says of itself to one peer.
    func introduction(token: Nonce, nonce: Nonce, bit: Int) -> Introduction {
        Introduction(
            token: token, nonce: nonce, bit: UInt32(bit),
            proofAddress: unsafe UInt64(UInt(bitPattern: raw.pointee.proof)), proof: proof)
    }
}
