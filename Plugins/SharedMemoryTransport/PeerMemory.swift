import CSystem
import Glibc

/// The peer's own memory, read by process_vm_readv.
// Safe: the kernel checks every address on the peer's side, and the caller vouches for the destination.
@safe struct PeerMemory {
    private let pid: Int32
    private let proofAddress: UInt64
    private let proof: Nonce
    /// Why it cannot be read; nil when a probe found the proof.
    let obstacle: String?

    /// Tries it once.
    init(pid: Int32, proofAddress: UInt64, proof: Nonce) {
        self.pid = pid
        self.proofAddress = proofAddress
        self.proof = proof
        guard pid > 0 else {
            obstacle = "the peer lives in another pid namespace; large data goes through the ring"
            return
        }
        let status = unsafe PeerMemory.read(pid, nil, 0, 0, proofAddress, proof)
        switch -status {
        case 0: obstacle = nil
        case Int64(EPERM):
            obstacle =
                "process_vm_readv on pid \(pid) is not permitted (errno \(EPERM)); look at "
                + "kernel.yama.ptrace_scope and the container's seccomp profile; large data goes through the ring"
        case let error:
            obstacle = "process_vm_readv on pid \(pid) failed (errno \(error)); large data goes through the ring"
        }
    }

    /// Copies from the peer. How many bytes it got, at least one, or a negated errno.
    func read(_ destination: UnsafeMutableRawPointer, from source: UInt64, byteCount: UInt64) -> Int64 {
        unsafe PeerMemory.read(pid, destination, source, byteCount, proofAddress, proof)
    }

    /// The proof comes along each time, so that a pid that belongs to another process by now is found out.
    private static func read(
        _ pid: Int32, _ destination: UnsafeMutableRawPointer?, _ source: UInt64, _ byteCount: UInt64,
        _ proofAddress: UInt64, _ proof: Nonce
    ) -> Int64 {
        var found = Nonce(high: 0, low: 0)
        let count = unsafe csystem_read_process(pid, destination, source, byteCount, proofAddress, &found)
        return count >= 0 && found != proof ? -Int64(ESRCH) : count
    }
}
