import CHandfast

/// Whom a channel tells of what happens to it.
@unsafe struct LoopbackUser {
    let engine: UnsafePointer<hf_engine_operations>
    let connection: UnsafeMutableRawPointer
}
