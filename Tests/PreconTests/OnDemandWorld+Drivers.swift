import Precon

/// What each process does with what reaches it.
extension OnDemandWorld {
    /// Tells the arbiter, and carries its actions out in order.
    mutating func tell(_ event: OnDemandEvent, at index: Int) {
        guard case .handfast(var arbiter) = sides[index].mind else { return }
        let actions = arbiter.handle(event)
        sides[index].mind = .handfast(arbiter)
        for action in actions { perform(action, at: index) }
    }

    private mutating func perform(_ action: OnDemandAction, at index: Int) {
        switch action {
        case .connectForward: connect(back: false, at: index)
        case .connectBack: connect(back: true, at: index)
        case .cancelConnect:
            let asked = streams.first { $0.ends[index].isOpen && $0.ends[index].use == .asker }
            if sides[index].dial == nil, asked == nil { breakRule("side \(index) cancels nothing") }
            sides[index].dial = nil
            if let asked { close(asked.id, at: index) }
        case .accept(let stream):
            use(stream.rawValue, as: .answerer, at: index)
            send([.answer(incarnation: toldIncarnation(of: index)), .accepted], on: stream.rawValue, from: index)
        case .reject(let stream, let rejection):
            send([.reject(rejection.code)], on: stream.rawValue, from: index)
            close(stream.rawValue, at: index)
        case .abandon(let stream): close(stream.rawValue, at: index)
        case .acknowledge(let stream):
            send([.backAcknowledgement], on: stream.rawValue, from: index)
            close(stream.rawValue, at: index)
        case .arm(let timer):
            if !sides[index].armed.insert(timer).inserted { breakRule("side \(index) arms \(timer) twice") }
        case .disarm(let timer):
            if sides[index].armed.remove(timer) == nil { breakRule("side \(index) disarms \(timer) twice") }
        case .established(let stream, let role):
            if sides[index].established != nil { breakRule("side \(index) has two associations") }
            use(stream.rawValue, as: .established, at: index)
            establish(stream.rawValue, role, at: index)
        case .failed:
            sides[index].isOwed = false
            sides[index].hasFailed = true
            sides[index].connectCount = 0
            sides[index].backConnectCount = 0
        case .peerRestarted(let stream):
            if sides[index].established != stream.rawValue { breakRule("side \(index) ends a strange association") }
            sides[index].established = nil
            close(stream.rawValue, at: index)
        }
    }

    private mutating func establish(_ id: UInt64, _ role: HandshakeRole, at index: Int) {
        sides[index].established = id
        sides[index].role = role
        sides[index].isOwed = false
        sides[index].connectCount = 0
        sides[index].backConnectCount = 0
    }

    private mutating func connect(back: Bool, at index: Int) {
        let isBusy = streams.contains {
            $0.ends[index].isOpen && [.starter, .asker].contains($0.ends[index].use)
        }
        if sides[index].dial != nil || isBusy { breakRule("side \(index) connects twice") }
        if (back ? sides[index].backConnectCount : sides[index].connectCount) == 0 {
            if back { sides[index].backConnectCount += 1 }
            sides[index].dial = .dialing(back: back)
        } else {
            connectAgain(back: back, at: index)
        }
    }

    /// The next connect, after a wait; or the end of them.
    mutating func connectAgain(back: Bool, at index: Int) {
        if back { sides[index].backConnectCount += 1 }
        let count = back ? sides[index].backConnectCount - 1 : sides[index].connectCount
        let limit = !back && rules.blocked == index ? 2 : rules.connectLimit
        guard count >= limit else {
            sides[index].dial = .waiting(back: back)
            return
        }
        switch sides[index].mind {
        case .handfast: tell(back ? .backConnectFailed("") : .forwardUnreachable(""), at: index)
        case .pscom: closePscom(index)
        }
    }

    mutating func demand(at index: Int) {
        switch sides[index].mind {
        case .handfast: tell(.demanded, at: index)
        case .pscom(.onDemand):
            // The connector is always the lower name; the higher one asks once.
            guard sides[index].backConnectCount == 0 else { return }
            if index == 0 { sides[index].mind = .pscom(.connecting) }
            connect(back: index != 0, at: index)
        case .pscom(.connecting), .pscom(.accepting), .pscom(.established), .pscom(.closed): break
        }
    }

    mutating func withdraw(at index: Int) {
        guard case .handfast = sides[index].mind else { return }
        sides[index].isOwed = false
        sides[index].connectCount = 0
        sides[index].backConnectCount = 0
        tell(.withdrawn, at: index)
    }

    mutating func receiveDemand(_ id: UInt64, _ incarnation: UInt64?, at index: Int) {
        switch sides[index].mind {
        case .handfast: tell(.accepted(StreamID(id), claim(incarnation, from: 1 - index)), at: index)
        case .pscom(.onDemand):
            // The back connect has done its work.
            sides[index].dial = nil
            let asked = streams.filter { $0.ends[index].isOpen && $0.ends[index].use == .asker }
            for stream in asked { close(stream.id, at: index) }
            sides[index].mind = .pscom(.accepting)
            use(id, as: .answerer, at: index)
            send([.answer(incarnation: toldIncarnation(of: index)), .accepted], on: id, from: index)
        case .pscom(.connecting), .pscom(.accepting), .pscom(.established), .pscom(.closed): close(id, at: index)
        }
    }

    mutating func receiveBackConnect(_ id: UInt64, at index: Int) {
        switch sides[index].mind {
        case .handfast: tell(.askedToConnect(StreamID(id)), at: index)
        case .pscom(let state):
            send([.backAcknowledgement], on: id, from: index)
            close(id, at: index)
            guard state == .onDemand else { return }
            sides[index].mind = .pscom(.connecting)
            connect(back: false, at: index)
        }
    }

    mutating func receiveAnswer(_ id: UInt64, _ incarnation: UInt64?, at index: Int) {
        tell(.forwardIdentified(StreamID(id), claim(incarnation, from: 1 - index)), at: index)
    }

    mutating func agree(_ id: UInt64, at index: Int) {
        switch sides[index].mind {
        case .handfast: tell(.agreed(StreamID(id)), at: index)
        case .pscom(let state):
            use(id, as: .established, at: index)
            establish(id, state == .connecting ? .starter : .answerer, at: index)
            sides[index].mind = .pscom(.established)
        }
    }

    mutating func fail(_ id: UInt64, _ failure: HandshakeFailure, at index: Int) {
        switch sides[index].mind {
        case .handfast: tell(.streamFailed(StreamID(id), failure), at: index)
        case .pscom: closePscom(index)
        }
    }

    mutating func deadlinePassed(_ id: UInt64, at index: Int) {
        guard let use = streams.first(where: { $0.id == id })?.ends[index].use else { return }
        if use != .asker { send([.reject(.timeout)], on: id, from: index) }
        close(id, at: index)
        switch use {
        case .starter, .answerer: fail(id, .deadlinePassed(waitingFor: ""), at: index)
        case .asker: connectAgain(back: true, at: index)
        // Nobody knows whose it was to be.
        case .unread, .established: break
        }
    }

    private mutating func closePscom(_ index: Int) {
        sides[index].mind = .pscom(.closed)
        sides[index].isOwed = false
        sides[index].hasFailed = true
    }

    /// A pscom process has no incarnation.
    func toldIncarnation(of index: Int) -> UInt64? {
        if case .handfast = sides[index].mind { sides[index].incarnation } else { nil }
    }

    private func claim(_ incarnation: UInt64?, from index: Int) -> PeerClaim {
        let name = "rank\(index)"
        return PeerClaim(
            wireName: WireName(name), wholeName: incarnation.map { _ in name }, incarnation: incarnation, address: "")
    }
}
