import CHandfast

/// What every transport calls of the engine: one table for the process, never freed.
// Safe to share: written once, read ever after.
nonisolated(unsafe) let engineOperations: UnsafePointer<hf_engine_operations> = {
    let operations = UnsafeMutablePointer<hf_engine_operations>.allocate(capacity: 1)
    operations.initialize(
        to: hf_engine_operations(
            byte_count: UInt32(MemoryLayout<hf_engine_operations>.size), version: UInt32(HF_TRANSPORT_VERSION),
            place: enginePlace, placed: enginePlaced, deliver: engineDeliver, writable: engineWritable,
            read_done: engineReadDone, closed: engineClosed, lost: engineLost))
    return UnsafePointer(operations)
}()

private func slot(_ connection: UnsafeMutableRawPointer?) -> UnsafeMutablePointer<ConnectionSlot> {
    // A transport hands back what it was given when the channel was opened, and nothing after its close.
    connection!.assumingMemoryBound(to: ConnectionSlot.self)
}

// Hot path.
@c(handfast_engine_place) func enginePlace(
    _ connection: UnsafeMutableRawPointer?, _ byteCount: UnsafeMutablePointer<UInt64>?
) -> UnsafeMutableRawPointer? {
    let slot = slot(connection)
    let isPlaced = slot.pointee.inbound.part == .payload && slot.pointee.inbound.remaining > 0
    byteCount?.pointee = UInt64(isPlaced ? slot.pointee.inbound.remaining : Int(slot.pointee.inbound.readAhead))
    return isPlaced ? slot.pointee.inbound.target : nil
}

// Hot path.
@c(handfast_engine_placed) func enginePlaced(_ connection: UnsafeMutableRawPointer?, _ byteCount: UInt64) {
    slot(connection).pointee.deliveryCount &+= 1
    slot(connection).placed(Int(byteCount))
}

// Hot path.
@c(handfast_engine_deliver) func engineDeliver(
    _ connection: UnsafeMutableRawPointer?, _ bytes: UnsafeRawPointer?, _ byteCount: UInt64
) -> UInt64 {
    guard let bytes else { return 0 }
    slot(connection).pointee.deliveryCount &+= 1
    return UInt64(slot(connection).take(bytes, Int(byteCount)))
}

// Hot path.
@c(handfast_engine_writable) func engineWritable(_ connection: UnsafeMutableRawPointer?) { slot(connection).flush() }

@c(handfast_engine_read_done) func engineReadDone(
    _ connection: UnsafeMutableRawPointer?, _ token: UInt64, _ error: Int32
) {
    guard let request = UnsafeMutablePointer<RequestSlot>(bitPattern: UInt(token)) else { return }
    switch request.pointee.role {
    case .putRead: slot(connection).putRead(request, error)
    case .operationPart: slot(connection).partRead(request, error)
    default: slot(connection).readEnded(request, error)
    }
}

@c(handfast_engine_closed) func engineClosed(_ connection: UnsafeMutableRawPointer?, _ error: Int32) {
    slot(connection).pointee.hasChannelEnded = true
    slot(connection).record?.channelError = error
    slot(connection).callForAttention()
}

@c(handfast_engine_lost) func engineLost(
    _ connection: UnsafeMutableRawPointer?, _ error: Int32, _ reason: UnsafePointer<CChar>?
) {
    if let reason { slot(connection).record?.channelReason = String(cString: reason) }
    engineClosed(connection, error)
}
