import Testing
import TransportAPI

@testable import SharedMemoryTransport

@Suite struct `The definition of shared memory` {
    @Test func `bears its name and number and makes a transport that can sleep`() throws {
        let definition = SharedMemoryTransport.definition
        #expect(definition.name == "shm")
        #expect(definition.number == 0x4801)
        #expect(
            try definition.make(SettingValues(environment: [:], checkedAgainst: definition.settings)).descriptor >= 0)
    }
}
