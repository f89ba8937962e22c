import DefaultTransports
import TransportAPI

let guestTransports = defaultTransports
