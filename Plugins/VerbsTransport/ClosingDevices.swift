import Synchronization

/// Devices whose endpoint is gone. Most close at once; one that would have to wait for the answer of an iWARP peer is kept until
/// another endpoint begins or ends, so that none ever waits.
enum ClosingDevices {
    /// Addresses of `VerbsDevice`s, which nobody else uses any more.
    private static let addresses = Mutex<[UInt]>([])

    static func add(_ device: VerbsDevice.Pointer) {
        let address = UInt(bitPattern: device)
        addresses.withLock { $0.append(address) }
        sweep()
    }

    static func sweep() {
        addresses.withLock { list in
            list.removeAll {
                let device = unsafe VerbsDevice.Pointer(bitPattern: $0)!
                return unsafe !device.pointee.maker.isThisProcess || close(device)
            }
        }
    }

    private static func close(_ device: VerbsDevice.Pointer) -> Bool {
        _ = unsafe VerbsState.takeConnectionEvents(device)
        var left: [VerbsChannel.Pointer] = unsafe []
        unsafe device.pointee.channels.forEach { unsafe left.append($0) }
        guard unsafe !left.contains(where: { unsafe VerbsChannel.awaitsAnswer($0) }) else { return false }
        // Some of them may be on a list to be destroyed, and are gone from the table then.
        _ = unsafe VerbsState.work(device, device.pointee.take(), wasArmed: false)
        unsafe left.removeAll()
        unsafe device.pointee.channels.forEach { unsafe left.append($0) }
        // All of those that are left there are among these.
        unsafe device.pointee.firstBroken = nil
        while let channel = unsafe left.popLast() { unsafe VerbsChannel.destroyPair(channel) }
        // Those that were touched are freed by the second.
        for _ in 0..<4 { _ = unsafe VerbsState.work(device, device.pointee.take(), wasArmed: false) }
        unsafe VerbsDevice.close(device)
        return true
    }
}
