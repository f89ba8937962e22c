import CSystem
import Glibc

/// The peer's own memory, read by process_vm_readv.
// Safe: the kernel checks every address on the peer's side, and the caller vouches for the destination.
@safe struct PeerMemory {
    let pid: Int32
    private let proofAddress: UInt64
    let proof: Nonce
    /// Why it cannot be read; nil when a probe found the proof.
    let obstacle: String?
    /// What stands behind the proof: the peer has told it to nobody. Not 0 when it can be read.
    let secret: UInt64
    /// When the proof was last there, in ticks.
    private var provenAt = csystem_ticks()

    /// Tries it once.
    init(pid: Int32, proofAddress: UInt64, proof: Nonce) {
        self.pid = pid
        self.proofAddress = proofAddress
        self.proof = proof
        var found = Nonce(high: 0, low: 0)
        if pid > 0 {
            _ = unsafe csystem_read_process(
                pid, &found, proofAddress &+ UInt64(Nonce.byteCount), UInt64(Nonce.byteCount))
        }
        secret = found.secret
        guard pid > 0 else {
            obstacle = "the peer lives in another pid namespace; large data goes through the ring"
            return
        }
        switch -PeerMemory.prove(pid, proofAddress, proof) {
        case 0: obstacle = nil
        case Int64(EPERM):
            obstacle =
                "process_vm_readv on pid \(pid) is not permitted (errno \(EPERM)); look at "
                + "kernel.yama.ptrace_scope and the container's seccomp profile; large data goes through the ring"
        case let error:
            obstacle = "process_vm_readv on pid \(pid) failed (errno \(error)); large data goes through the ring"
        }
    }

    /// For so many ticks, 25 to 100 us, a proof stays good: numbers of processes are given out in turn, so one that has
    /// become free belongs to nobody else before thousands of processes have begun.
    private static let proofLifetime: UInt64 = 100_000

    /// Copies from the peer. How many bytes it got, at least one, or a negated errno.
    mutating func read(_ destination: UnsafeMutableRawPointer, from source: UInt64, byteCount: UInt64) -> Int64 {
        let count = unsafe csystem_read_process(pid, destination, source, byteCount)
        guard count > 0 else { return count }
        // Proven afterwards: what is the peer's now, and was at the last proof, was so in between.
        let error = prove()
        return error == 0 ? count : error
    }

    /// Whether the process with this number is the peer, before something is written to it.
    mutating func isStillThere() -> Bool { prove() == 0 }

    /// 0 when the process with this number is the peer, by the last proof or, when that is old, by a new one; else a negated errno.
    private mutating func prove() -> Int64 {
        let now = csystem_ticks()
        guard now &- provenAt > PeerMemory.proofLifetime else { return 0 }
        let error = PeerMemory.prove(pid, proofAddress, proof)
        if error == 0 { provenAt = now }
        return error
    }

    /// 0 when the process with this number is the peer, else a negated errno.
    private static func prove(_ pid: Int32, _ address: UInt64, _ proof: Nonce) -> Int64 {
        var found = Nonce(high: 0, low: 0)
        let count = unsafe csystem_read_process(pid, &found, address, UInt64(Nonce.byteCount))
        guard count >= 0 else { return count }
        return count == Nonce.byteCount && found == proof ? 0 : -Int64(ESRCH)
    }
}
