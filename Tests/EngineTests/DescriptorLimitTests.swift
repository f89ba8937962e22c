import Glibc
import Handfast
import Testing

@Suite struct `The limit of open descriptors` {
    @Test func `is raised by an endpoint as far as the process may`() throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        // One less disturbs nobody who runs beside this.
        limit.rlim_cur = limit.rlim_max - 1
        #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        let endpoint = try Endpoint(transports: definitions, environment: [:])
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        #expect(limit.rlim_cur == limit.rlim_max)
        withExtendedLifetime(endpoint) {}
    }
}
