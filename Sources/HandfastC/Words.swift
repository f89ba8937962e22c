public import CHandfast

// A word or two for every code. A StaticString stays where it is, with a zero at its end.

private func pointer(_ text: StaticString) -> UnsafePointer<CChar>? {
    UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}

@c @implementation
public func hf_status_text(_ status: hf_status) -> UnsafePointer<CChar>? {
    switch status {
    case HF_OK: pointer("ok")
    case HF_NOT_READY: pointer("not ready")
    case HF_ERROR_ARGUMENT: pointer("invalid argument")
    case HF_ERROR_HANDLE: pointer("not a handle")
    case HF_ERROR_STALE: pointer("stale handle")
    case HF_ERROR_FORKED: pointer("handle of the parent process")
    case HF_ERROR_REENTRANT: pointer("called from a callback")
    case HF_ERROR_TIMEOUT: pointer("timeout")
    case HF_ERROR_UNREACHABLE: pointer("unreachable")
    case HF_ERROR_REJECTED: pointer("rejected")
    case HF_ERROR_NO_TRANSPORT: pointer("no transport")
    case HF_ERROR_CLOSED: pointer("closed")
    case HF_ERROR_PEER_LOST: pointer("peer lost")
    case HF_ERROR_PEER_RESTARTED: pointer("peer restarted")
    case HF_ERROR_TRUNCATED: pointer("truncated")
    case HF_ERROR_CANCELLED: pointer("cancelled")
    case HF_ERROR_RESOURCES: pointer("resources")
    case HF_ERROR_UNSUPPORTED: pointer("unsupported")
    case HF_ERROR_SYSTEM: pointer("system")
    case HF_ERROR_OTHER: pointer("other error")
    default: pointer("unknown")
    }
}

@c @implementation
public func hf_state_text(_ state: hf_connection_state) -> UnsafePointer<CChar>? {
    switch state {
    case HF_STATE_ON_DEMAND: pointer("on demand")
    case HF_STATE_CONNECTING: pointer("connecting")
    case HF_STATE_CONNECTED: pointer("connected")
    case HF_STATE_CLOSING: pointer("closing")
    case HF_STATE_CLOSED: pointer("closed")
    default: pointer("unknown")
    }
}

@c @implementation
public func hf_outcome_text(_ outcome: hf_outcome) -> UnsafePointer<CChar>? {
    switch outcome {
    case HF_OUTCOME_CHOSEN: pointer("chosen")
    case HF_OUTCOME_EXCLUDED: pointer("left out")
    case HF_OUTCOME_REFUSED_HERE: pointer("refused here")
    case HF_OUTCOME_REFUSED_BY_PEER: pointer("refused by the peer")
    case HF_OUTCOME_NOT_TRIED: pointer("not tried")
    default: pointer("unknown")
    }
}

@c @implementation
public func hf_event_text(_ kind: hf_event_kind) -> UnsafePointer<CChar>? {
    switch kind {
    case HF_EVENT_CLOSED: pointer("closed")
    case HF_EVENT_PEER_LOST: pointer("peer lost")
    case HF_EVENT_PEER_RESTARTED: pointer("peer restarted")
    case HF_EVENT_FAILED: pointer("failed")
    default: pointer("unknown")
    }
}
