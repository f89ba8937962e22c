import Glibc

/// Small frames at once; a peer whose host vanished is found out within about a minute and a half.
func tune(_ socket: Int32) {
    set(socket, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    set(socket, SOL_SOCKET, SO_KEEPALIVE, 1)
    set(socket, Int32(IPPROTO_TCP), TCP_KEEPIDLE, 5)
    set(socket, Int32(IPPROTO_TCP), TCP_KEEPINTVL, 4)
    set(socket, Int32(IPPROTO_TCP), TCP_KEEPCNT, 20)
}

/// Sets an option that takes a number; one that the system does not have stays as it is.
func set(_ socket: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
    var value = value
    setsockopt(socket, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
}
