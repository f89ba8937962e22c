import TransportAPI

/// What the environment says of verbs.
struct VerbsSettings: Sendable {
    static let device = Setting.text(
        "HANDFAST_VERBS_DEVICE", maximumByteCount: 63,
        help: "The RDMA device to use, `mlx5_0`; empty means the one that leads to the peer's address.")
    static let port = Setting.integer(
        "HANDFAST_VERBS_PORT", default: 0, in: 0...255, unit: "a port number",
        help: "The port of the RDMA device; 0 means the one that leads to the peer's address, or the first active one.")
    static let gid = Setting.integer(
        "HANDFAST_VERBS_GID", default: -1, in: -1...65_535, unit: "an index",
        help: "Which entry of the port's GID table to use; -1 means the one of the own address, RoCE v2 before v1.")
    static let receiveByteCount = Setting.byteCount(
        "HANDFAST_VERBS_RECEIVE_BYTES", default: 64 << 20, in: 64 << 10...1 << 30,
        help:
            "The most memory that an endpoint pins to receive in, for each RDMA device; each connection has 8k of it, and more"
            + " while it is busy.")

    static let rows = [device.row, port.row, gid.row, receiveByteCount.row]

    let device: String
    /// Nil for any.
    let port: UInt8?
    let gid: Int?
    let receiveByteCount: Int

    init(_ values: SettingValues) {
        device = values[Self.device]
        port = values[Self.port] == 0 ? nil : UInt8(values[Self.port])
        gid = values[Self.gid] < 0 ? nil : values[Self.gid]
        receiveByteCount = values[Self.receiveByteCount]
    }
}
