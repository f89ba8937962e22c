public import CHandfast
import CSystem
import DefaultTransports
import Handfast
import Logging

@c @implementation
public func hf_endpoint_create(
    _ options: UnsafePointer<hf_options>?, _ endpoint: UnsafeMutablePointer<hf_endpoint>?
) -> hf_status {
    guard let endpoint else { return Refusal.null("endpoint").told() }
    // Of all that follows: Swift's run time has locks, too, when a type is used for the first time.
    GuardList.beginMaking()
    defer { GuardList.endMaking() }
    if let options, let refusal = refusal(toRead: options, "options") { return refusal.told() }
    let order = options?.pointee ?? hf_options()
    guard order.thread_mode <= HF_THREAD_MULTIPLE.rawValue else {
        return Refusal.argument("the thread mode \(order.thread_mode) is none; HF_THREAD_SINGLE and _MULTIPLE are")
            .told()
    }
    guard order.reserved == 0 else { return Refusal.argument("`reserved` of the options is not 0").told() }
    guard let level = Logger.Level(number: order.log_level) else {
        return Refusal.argument("the log level \(order.log_level) is none; 1 to 6 are, and 0 for warning").told()
    }
    if let refusal = refusal(ofText: order.name, "name") { return refusal.told() }
    var environment = order.ignores_environment == 0 ? Settings.processEnvironment() : [:]
    var given: Set<String> = []
    if let refusal = order.addSettings(to: &environment, &given) { return refusal.told() }
    guard let place = GuardList.take(isShared: order.thread_mode == HF_THREAD_MULTIPLE.rawValue) else {
        return HandfastError(.resources, "no memory or descriptor for another endpoint").told()
    }
    do throws(HandfastError) {
        let lines = LogLines(place, order, level)
        let made = try Endpoint(
            name: text(order.name), environment: environment,
            logger: Logger(label: "handfast", factory: { _ in lines }))
        made.setOwner(UnsafeMutableRawPointer(place))
        place.begin(made, EndpointTexts(made, given: given))
    } catch {
        GuardList.give(place)
        return error.told()
    }
    endpoint.pointee = place.pointee.generation
    return HF_OK
}

@c @implementation
public func hf_endpoint_destroy(_ endpoint: hf_endpoint) -> hf_status {
    guard let place = GuardPointer.find(endpoint) else { return Refusal.notAHandle(endpoint, of: "an endpoint").told() }
    if let refusal = place.enter() { return refusal.told() }
    guard place.pointee.generation == endpoint, place.pointee.endpoint != nil else {
        place.leave(hasChanged: false)
        return Refusal.stale("an endpoint").told()
    }
    place.end()
    place.leave(hasChanged: false)
    GuardList.give(place)
    return HF_OK
}

extension GuardPointer {
    /// Nobody else knows the handle yet.
    fileprivate func begin(_ endpoint: Endpoint, _ texts: EndpointTexts) {
        let isShared = pointee.mode & EndpointGuard.isShared != 0
        // Threads with an old handle may look.
        if isShared { csystem_monitor_lock(pointee.monitor) }
        pointee.endpoint = .passRetained(endpoint)
        pointee.texts = .passRetained(texts)
        pointee.generation = Handle.generation(after: pointee.generation)
        if isShared { csystem_monitor_unlock(pointee.monitor) }
    }

    /// The caller has gone in.
    fileprivate func end() {
        pointee.generation = Handle.generation(after: pointee.generation)
        pointee.isEnding = true
        defer { pointee.isEnding = false }
        tellOthers()
        while pointee.insideCount > 0 { csystem_monitor_sleep(pointee.monitor, -1) }
        GuardList.beginMaking()
        defer { GuardList.endMaking() }
        let (endpoint, texts) = (pointee.endpoint, pointee.texts)
        (pointee.endpoint, pointee.texts) = (nil, nil)
        endpoint?.release()
        texts?.release()
    }
}

extension hf_options {
    fileprivate func addSettings(to environment: inout [String: String], _ given: inout Set<String>) -> Refusal? {
        guard setting_count > 0 else { return nil }
        guard let settings else { return .null("settings") }
        guard setting_count <= 1_024 else { return .argument("\(setting_count) settings; at most 1024 are allowed") }
        for index in 0..<Int(setting_count) {
            if let refusal = refusal(ofText: settings[index].value, "the value of a setting") { return refusal }
            guard let name = text(settings[index].name), let value = text(settings[index].value) else {
                return .null("a name or value of the settings")
            }
            guard name.hasPrefix("HANDFAST_") else {
                return .argument("\(name.prefix(64)) is no setting; the name of one begins with HANDFAST_")
            }
            environment[name] = value
            given.insert(name)
        }
        return nil
    }
}
