"""Faults at the doors of a province's connector: in what it is told, in its credential, and in the verdicts on what it says."""

from __future__ import annotations

from contracts.faults.kinds import Kind, NamedFault, Setting

DELIVERY = "connectors.delivery"  # when a delivery is about to get its number
ACCESS = "connectors.access"  # when a connector shows its key
VERDICT = "connectors.verdict"  # when a verdict is written
MATCH = ("province", "dossier", "type")  # `type`: of the event; a verdict's is that of the message

DOUBLED = "delivery-doubled"
LATE = "delivery-late"
ACROSS = "delivery-reordered-across-dossiers"
WITHIN = "delivery-reordered-within-dossier"
GAP = "delivery-gap"
STOPPED = "delivery-held"
SIGNATURE = "delivery-bad-signature"
TIMESTAMP = "delivery-expired-timestamp"
MODE = "delivery-other-mode"
FIELD = "delivery-unknown-field"
NEWER = "delivery-newer-type"
CUT = "delivery-connection-cut"
REVOKED = "credential-revoked"
VERDICT_LATE = "verdict-late"

HOLDING = (LATE, ACROSS, WITHIN, GAP, STOPPED)  # they keep a delivery back; the others change it, or how it is sent
RENDERED = (SIGNATURE, TIMESTAMP, MODE, CUT)  # each door applies them while it sends
SENT_THEN = "What is kept back is delivered at once, in order."
UNCHANGED = "Later deliveries are as usual; nothing was kept back."
AT_LEAST_ONCE = "Every door delivers at least once: "
WEBHOOK = "Standard Webhooks (verifying); bites at the webhook door. "

FAULTS = (
    NamedFault(
        name=DOUBLED,
        edge=DELIVERY,
        title_en="A delivery comes twice",
        title_vi="Một tin đến hai lần",
        shows="The same event, with the same id, comes again under the next number.",
        released=UNCHANGED,
        teaches=f"{AT_LEAST_ONCE}remember the `id` of each event, and do what it asks once.",
        match=MATCH,
        example={"match": {"province": "37"}, "nth": 2},
    ),
    NamedFault(
        name=LATE,
        edge=DELIVERY,
        title_en="A delivery comes late",
        title_vi="Tin đến trễ",
        shows="A delivery comes `by` later; later ones of its dossier wait behind it, other dossiers do not.",
        released=SENT_THEN,
        teaches="`time` of an event is when it happened, not when you heard of it: count time limits from `time`.",
        match=MATCH,
        settings=(Setting("by", Kind.DURATION, "1d", "sandbox time until it is delivered", least=1),),
        example={"match": {"type": "dossier.submitted.v1"}, "with": {"by": "2d"}},
    ),
    NamedFault(
        name=ACROSS,
        edge=DELIVERY,
        title_en="Deliveries of two dossiers change places",
        title_vi="Tin của hai hồ sơ đổi thứ tự",
        shows="A delivery waits until one of another dossier was delivered; the order within each dossier is kept.",
        released=SENT_THEN,
        teaches="CloudEvents gives no order between subjects: conclude nothing from the order of two dossiers.",
        match=MATCH,
        example={"match": {"province": "37"}, "times": 1},
    ),
    NamedFault(
        name=WITHIN,
        edge=DELIVERY,
        title_en="Deliveries of one dossier change places",
        title_vi="Tin của một hồ sơ đổi thứ tự",
        shows="A delivery waits until the next one of the same dossier was delivered.",
        released=SENT_THEN,
        teaches="`dossierversion` counts the events of each `source` about a dossier: put them in this order before "
        "you act.",
        match=MATCH,
        example={"match": {"type": "payment.confirmed.v1"}, "times": 1},
    ),
    NamedFault(
        name=GAP,
        edge=DELIVERY,
        title_en="A delivery is missing, and comes later",
        title_vi="Thiếu một tin, sau mới đến",
        shows="A delivery is left out and comes `by` later; what follows in the same dossier does not wait for it.",
        released=SENT_THEN,
        teaches="A `dossierversion` that skips a number shows that an event is missing: wait for it, or ask for the "
        "dossier.",
        match=MATCH,
        settings=(Setting("by", Kind.DURATION, "1d", "sandbox time until the gap is filled", least=1),),
        example={"match": {"province": "37"}, "nth": 3},
    ),
    NamedFault(
        name=STOPPED,
        edge=DELIVERY,
        title_en="Deliveries are held back",
        title_vi="Tin bị giữ lại",
        shows="Nothing of the dossier is delivered until the rule ends.",
        released=SENT_THEN,
        teaches="The country goes on while nothing comes; afterwards much comes at once: read in batches, in order.",
        match=MATCH,
        example={"match": {"province": "37"}},
    ),
    NamedFault(
        name=SIGNATURE,
        edge=DELIVERY,
        title_en="A delivery has a bad signature",
        title_vi="Chữ ký của tin bị sai",
        shows="The first attempt at a delivery has a signature that does not fit its body; the next one has the true one.",
        released=UNCHANGED,
        teaches=f"{WEBHOOK}Verify before you read; answer 4xx, and change nothing.",
        match=MATCH,
        example={"match": {"province": "37"}, "times": 1},
    ),
    NamedFault(
        name=TIMESTAMP,
        edge=DELIVERY,
        title_en="A delivery has an expired timestamp",
        title_vi="Dấu thời gian của tin đã quá hạn",
        shows="The first attempt at a delivery is signed for a time an hour ago; the next one is signed for now.",
        released=UNCHANGED,
        teaches=f"{WEBHOOK}A true signature that is old may be a replay: refuse what is older than five minutes.",
        match=MATCH,
        example={"match": {"province": "37"}, "times": 1},
    ),
    NamedFault(
        name=MODE,
        edge=DELIVERY,
        title_en="A delivery comes in the other CloudEvents mode",
        title_vi="Tin đến theo dạng CloudEvents khác",
        shows="What usually comes structured comes binary, and the other way round. Bites at the webhook and Kafka doors.",
        released=UNCHANGED,
        teaches="CloudEvents 1.0, HTTP and Kafka bindings: the content type tells the mode of each message; read both.",
        match=MATCH,
        example={"match": {"province": "37"}, "nth": 2},
    ),
    NamedFault(
        name=FIELD,
        edge=DELIVERY,
        title_en="A delivery has a member that no contract knows",
        title_vi="Tin có trường không có trong hợp đồng dữ liệu",
        shows="`data` has one more member, `added_by_a_later_version`.",
        released=UNCHANGED,
        teaches="contracts/README.md: inside a version, members may be added. Ignore what you do not know.",
        match=MATCH,
        example={"match": {"province": "37"}},
    ),
    NamedFault(
        name=NEWER,
        edge=DELIVERY,
        title_en="An event of a newer type comes before a delivery",
        title_vi="Có sự kiện kiểu mới đến trước một tin",
        shows="Before a delivery comes an event of type `dossier.rated.v2` about the same dossier, without "
        "`dossierversion`.",
        released=UNCHANGED,
        teaches="contracts/README.md: new types are added at any time. Acknowledge what you do not know, and go on.",
        match=MATCH,
        example={"match": {"province": "37"}, "times": 1},
    ),
    NamedFault(
        name=CUT,
        edge=DELIVERY,
        title_en="The connection breaks in the middle of a delivery",
        title_vi="Kết nối đứt giữa chừng khi đang gửi tin",
        shows="Pull: the first reply with the delivery ends in the middle of its body. Webhook: the hub hangs up before "
        "it has read your answer, and sends again.",
        released=UNCHANGED,
        teaches=f"{AT_LEAST_ONCE}a cursor moves only after you have kept what came before it.",
        match=MATCH,
        example={"match": {"province": "37"}, "times": 1},
    ),
    NamedFault(
        name=REVOKED,
        edge=ACCESS,
        title_en="The connector's key is refused",
        title_vi="Khoá của hệ thống kết nối bị từ chối",
        shows="Every request with the key gets 401, until the rule ends.",
        released="The same key is valid again; everything that was not acknowledged is delivered.",
        teaches="RFC 6750: at 401 stop, tell a person, and try again slowly; lose neither the cursor nor what you "
        "have to say.",
        match=("province",),
        example={"match": {"province": "37"}},
        steady=True,
    ),
    NamedFault(
        name=VERDICT_LATE,
        edge=VERDICT,
        title_en="The verdict comes late",
        title_vi="Kết quả kiểm tra đến trễ",
        shows="A message has its effect at once, or none; the reply is 202, and the verdict is in the list `by` later. "
        "Later verdicts of the province wait behind it.",
        released="The verdicts are in the list at once.",
        teaches="A message without a verdict is not lost: look for its `id` in the list before you send it again, "
        "with the same `id`.",
        match=MATCH,
        settings=(Setting("by", Kind.DURATION, "1h", "sandbox time until the verdict can be read", least=1),),
        example={"match": {"province": "37"}, "times": 1},
    ),
)
