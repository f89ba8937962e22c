import CVerbs
import Glibc
import Testing
import TransportAPI

@testable import VerbsTransport

private func settings(_ environment: [String: String] = [:]) throws -> VerbsSettings {
    VerbsSettings(try SettingValues(environment: environment, checkedAgainst: VerbsSettings.rows))
}

@Suite struct `Where there are no verbs, the refusal` {
    @Test func `names what is missing and the package or command that helps`() throws {
        let (status, why) = VerbsAvailability.load()
        if status == 0, !VerbsAvailability.deviceNames().isEmpty { return try checkDevices() }
        let error = #expect(throws: TransportRefusal.self) { try VerbsAvailability.check(try settings()) }
        let wanted =
            switch status {
            case 0: "no RDMA device; `rdma link` lists those of the kernel, ibverbs-providers has their drivers"
            case CVERBS_NO_HEADERS:
                "built without the headers of RDMA verbs; install libibverbs-dev and librdmacm-dev, then `swift package clean` and build again"
            case CVERBS_NO_VERBS_LIBRARY:
                "libibverbs cannot be used: \(why); if it is missing or too old, install libibverbs1 and ibverbs-providers"
            default: "librdmacm cannot be used: \(why); if it is missing or too old, install librdmacm1"
            }
        #expect(error?.text == wanted)
        #expect(error?.code == .unreachable)
        // The transport as a whole says the same, before it opens anything.
        let whole = #expect(throws: TransportRefusal.self) { try VerbsTransport(try settings()) }
        #expect(whole?.text == wanted)
    }

    /// Of a host that has devices: a name that none has.
    private func checkDevices() throws {
        let error = #expect(throws: TransportRefusal.self) {
            try VerbsAvailability.check(try settings(["HANDFAST_VERBS_DEVICE": "none such"]))
        }
        #expect(error?.text.hasPrefix("HANDFAST_VERBS_DEVICE=\"none such\" matches no device; there are ") == true)
    }

    /// In a process of its own, because no other test may be left without descriptors.
    @Test func `of a library that could not be opened for want of descriptors is not kept`() async {
        await #expect(processExitsWith: .success) {
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(7), &limit)
            let usual = limit.rlim_cur
            // Nobody gets a number above 2: higher ones may be given back at any time by the library of the tests.
            limit.rlim_cur = 3
            setrlimit(__rlimit_resource_t(7), &limit)
            let (missing, why) = VerbsAvailability.load()
            limit.rlim_cur = usual
            setrlimit(__rlimit_resource_t(7), &limit)
            guard missing != CVERBS_NO_HEADERS else { return }
            #expect(missing == CVERBS_NO_VERBS_LIBRARY)
            #expect(why.contains("libibverbs.so.1: ") && why.contains("Too many open files"), "\(why)")
            let later = VerbsAvailability.load()
            #expect(later.missing == 0 || later.why.contains("No such file"), "\(later)")
        }
    }

    @Test func `of the system tells the figure and the remedy`() {
        let memory = TransportRefusal.verbs(ENOMEM, "cannot open")
        #expect(memory.code == .resources)
        #expect(memory.text.contains("(`ulimit -l`)"))
        let buffers = TransportRefusal.verbs(ENOBUFS, "cannot open")
        #expect(buffers.code == .resources)
        #expect(buffers.text.contains("raise HANDFAST_VERBS_RECEIVE_BYTES"))
        let permission = TransportRefusal.verbs(EACCES, "cannot open")
        #expect(permission.code == .unreachable)
        #expect(permission.text.contains("look at /dev/infiniband"))
        let descriptors = TransportRefusal.system(EMFILE, "cannot watch")
        #expect(descriptors.code == .resources)
        #expect(descriptors.text.contains("ulimit -n") && descriptors.text.contains("HANDFAST_RAISE_DESCRIPTORS"))
        #expect(TransportRefusal.verbs(EINVAL, "cannot open").text == "cannot open: Invalid argument (errno 22)")
    }
}

@Suite struct `The settings of verbs` {
    @Test func `mean any device, port and GID unless they say which`() throws {
        let none = try settings()
        #expect((none.device, none.port, none.gid, none.receiveByteCount) == ("", nil, nil, 64 << 20))
        let all = try settings([
            "HANDFAST_VERBS_DEVICE": "mlx5_1", "HANDFAST_VERBS_PORT": "2", "HANDFAST_VERBS_GID": "0",
            "HANDFAST_VERBS_RECEIVE_BYTES": "1m",
        ])
        #expect((all.device, all.port, all.gid, all.receiveByteCount) == ("mlx5_1", 2, 0, 1 << 20))
    }

    @Test(arguments: [
        ("HANDFAST_VERBS_PORT", "256"), ("HANDFAST_VERBS_PORT", "-1"), ("HANDFAST_VERBS_GID", "-2"),
        ("HANDFAST_VERBS_GID", "65536"), ("HANDFAST_VERBS_RECEIVE_BYTES", "63k"),
        ("HANDFAST_VERBS_RECEIVE_BYTES", "2g"),
        ("HANDFAST_VERBS_DEVICE", String(repeating: "m", count: 64)), ("HANDFAST_VERBS_DEVICE", "mlx5\n0"),
    ])
    func `are refused by name and value where they cannot be`(name: String, value: String) {
        let error = #expect(throws: SettingError.self) { try settings([name: value]) }
        #expect(error?.variable == name)
    }
}
