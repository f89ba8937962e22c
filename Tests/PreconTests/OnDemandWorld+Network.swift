import Precon

// The network between the two.

extension OnDemandWorld {
    mutating func dialSucceeds(at index: Int) {
        guard case .dialing(let back)? = sides[index].dial else { return }
        sides[index].dial = nil
        let id = freeStreamID
        var ends = [StreamEnd(use: .unread), StreamEnd(use: .unread)]
        ends[index].use = back ? .asker : .starter
        streams.append(Stream(id: id, ends: ends))
        guard !back else { return send([.backConnect], on: id, from: index) }
        sides[index].connectCount += 1
        if !isDisturbed { sides[index].undisturbedCount += 1 }
        if case .handfast = sides[index].mind { tell(.forwardOpened(StreamID(id)), at: index) }
        send([.demand(incarnation: toldIncarnation(of: index))], on: id, from: index)
        if !rules.isTwoStep { send([.accepted], on: id, from: index) }
    }

    var freeStreamID: UInt64 { (1...).first { id in !streams.contains { $0.id == id } }! }

    mutating func receive(_ claim: Claim, at index: Int) {
        var ends = [StreamEnd(use: .unread), StreamEnd(use: .unread)]
        ends[index].inbox = [.demand(incarnation: claim.incarnation)] + (claim.hasEnd ? [.end] : [])
        ends[1 - index].isOpen = false
        streams.append(Stream(id: freeStreamID, ends: ends, isCut: true))
    }

    mutating func dialRefused(at index: Int) {
        guard case .dialing(let back)? = sides[index].dial else { return }
        sides[index].dial = nil
        if !back { sides[index].connectCount += 1 }
        connectAgain(back: back, at: index)
    }

    mutating func send(_ messages: [Message], on id: UInt64, from index: Int) {
        guard let place = streams.firstIndex(where: { $0.id == id }) else { return }
        guard !streams[place].isCut, streams[place].ends[1 - index].isOpen, streams[place].ends[index].isOpen else {
            return
        }
        streams[place].ends[1 - index].inbox += messages
    }

    mutating func close(_ id: UInt64, at index: Int) {
        guard let place = streams.firstIndex(where: { $0.id == id }), streams[place].ends[index].isOpen else {
            return breakRule("side \(index) closes stream \(id), which it does not hold")
        }
        send([.end], on: id, from: index)
        streams[place].ends[index].isOpen = false
        streams[place].ends[index].inbox = []
    }

    mutating func cut(_ id: UInt64, _ kept: [Int]) {
        guard let place = streams.firstIndex(where: { $0.id == id }) else { return }
        streams[place].isCut = true
        for index in 0...1 where streams[place].ends[index].isOpen {
            let prefix = streams[place].ends[index].inbox.prefix(kept[index])
            streams[place].ends[index].inbox = prefix.last == .end ? Array(prefix) : prefix + [.end]
        }
    }

    mutating func restart(_ index: Int, _ death: Death) {
        for place in streams.indices { streams[place].isFormer = true }
        for place in streams.indices where streams[place].ends[index].isOpen {
            switch death {
            case .orderly: break
            case .reset: cut(streams[place].id, [0, 0])
            case .silent:
                streams[place].isCut = true
                streams[place].isSilent = true
            }
            close(streams[place].id, at: index)
        }
        let incarnation = sides[index].incarnation + 1
        switch sides[index].mind {
        case .handfast:
            sides[index] = Side(mind: .handfast(Self.arbiter(index)), incarnation: incarnation, demandsLeft: 1)
        case .pscom: sides[index] = Side(mind: .pscom(.onDemand), incarnation: incarnation, demandsLeft: 1)
        }
    }

    mutating func deliver(_ id: UInt64, to index: Int) {
        let place = streams.firstIndex { $0.id == id }!
        let message = streams[place].ends[index].inbox.removeFirst()
        let use = streams[place].ends[index].use
        switch (use, message) {
        case (.unread, .demand(let incarnation)): receiveDemand(id, incarnation, at: index)
        case (.unread, .backConnect): receiveBackConnect(id, at: index)
        case (.starter, .answer(let incarnation)): receiveAnswer(id, incarnation, at: index)
        case (.starter, .accepted), (.answerer, .accepted):
            if use == .starter, rules.isTwoStep { send([.accepted], on: id, from: index) }
            agree(id, at: index)
        case (.asker, .backAcknowledgement):
            close(id, at: index)
            if case .handfast = sides[index].mind { tell(.backConnectAcknowledged, at: index) }
        case (.unread, .end): close(id, at: index)
        case (.asker, .end):
            close(id, at: index)
            connectAgain(back: true, at: index)
        case (.starter, .end), (.answerer, .end):
            close(id, at: index)
            fail(id, .streamEnded(waitingFor: ""), at: index)
        case (.starter, .reject(let code)), (.answerer, .reject(let code)):
            // A pscom process ignores what it does not know.
            if case .pscom = sides[index].mind { return }
            close(id, at: index)
            fail(id, .rejectedByPeer(Rejection(code, "")), at: index)
        case (.established, .end), (.established, .reject):
            close(id, at: index)
            sides[index].established = nil
            switch sides[index].mind {
            case .handfast: tell(.associationEnded(StreamID(id)), at: index)
            case .pscom: sides[index].mind = .pscom(.closed)
            }
        default: breakRule("side \(index) gets \(message) as \(use)")
        }
    }

    func isOpen(_ id: UInt64, at index: Int) -> Bool {
        streams.contains { $0.id == id && $0.ends[index].isOpen }
    }

    mutating func use(_ id: UInt64, as use: StreamEnd.Use, at index: Int) {
        guard let place = streams.firstIndex(where: { $0.id == id }), streams[place].ends[index].isOpen else {
            return breakRule("side \(index) uses stream \(id), which it does not hold")
        }
        streams[place].ends[index].use = use
    }
}
