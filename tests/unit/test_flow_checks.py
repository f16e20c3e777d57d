"""What is wrong with a flow file is said with file, line, column, place, and what was meant perhaps."""

from pathlib import Path

import pytest
from tests.support.flow_files import mistakes

from bng_bridge.flow_files import templates
from bng_bridge.flow_files.compiler import MOST_LEVELS, MOST_STEPS
from bng_bridge.flow_files.flow_file import load
from bng_bridge.flow_files.flow_set import flow_set, load_flows
from bng_bridge.mapping.findings import MappingFileError

BUYER = "- name: buyer\n  call: buyer\n  with: {order: order}\n"
SOURCE_ITEM = "upsert: magento/source_item\n  with: {sku: inventory_item.SKU, source_code: site.name}"
ASKED = "  reads:\n    - name: known\n      call: binding\n      with: {record: customer, id: \"'5'\"}\n      catch:\n"
SALES_ORDER = (
    "- upsert: bng/sales_order\n  mapping: order-to-sales-order\n"
    "  context: {customer_id: \"'C-1'\", transaction_id: \"''\", time_zone: site.time_zone}\n"
)
SHIP_VIA = "{update: bng/sales_order, fields: {ShipVia: {default: x}}}"
SHIPS = f"- {SHIP_VIA}\n"
CUSTOMER = "- create: bng/customer\n  of: order.customer_id\n  mapping: order-to-customer\n"
SHIPMENT = "on:\n  event: bng/shipment\n  ordered_by: order\n"
AT_BNG = "on:\n  event: bng/customer\n  ordered_by: customer\n"
SHOP_CUSTOMER = AT_BNG.replace("bng", "magento")
STOCK = "on:\n  event: bng/inventory_item\n  ordered_by: stock\n"

MISTAKES = {
    "- for: order.items": "1:3: steps.1: `for` would be a loop. A flow has no loops: it runs once through its steps, and "
    "again as a whole when it is retried.",
    "- goto: buyer": "1:3: steps.1: `goto` would be a loop.",
    "- skip: no\n  while: order.state": "2:3: steps.1: `while` would be a loop.",
    "- hold: wait\n  when: buyer.customer_id\n" + BUYER: "2:9: steps.1: buyer is set by a later step (line 3). What is "
    "used must be set before it.",
    "- choose:\n    - when: order.state == 'new'\n      steps:\n        - {name: a, call: buyer, with: {order: order}}\n"
    "    - steps:\n        - skip: '{a.source_id}'": "6:19: steps.1.choose[2].1: a is set where it does not count here "
    "(line 4).",
    "- skip: nothing to do\n" + BUYER: "2:3: steps.buyer: is never reached: what stands in line 1 ends the flow in "
    "every case.",
    "- choose:\n    - steps:\n        - skip: a\n    - steps:\n        - skip: b": "4:7: steps.1: is never reached: the "
    "branch before it has no condition.",
    "- choose:\n    - when: order.state\n      steps: [{skip: a}]\n    - steps: [{skip: b}]\n- end: c": "5:3: steps.2: is "
    "never reached: what stands in line 1 ends the flow in every case.",
    "- skip: never\n  when: 1 == 2": "2:9: steps.1: is never reached: the condition never holds.",
    "- skip: '{order.incremnt_id}'": "1:17: steps.1: magento/order has no field incremnt_id. Did you mean increment_id?",
    "- skip: >-\n    a long\n    text {order.nothing}": "3:17: steps.1: magento/order has no field nothing.",
    "- skip: '{order.state'": "1:9: steps.1: has a { or } without the other one. An expression stands in { }.",
    "- skip: '{order.items}'": "1:11: steps.1: a list cannot stand in a text.",
    "- skip: go\n  when: site.offline_method": "2:14: steps.1: site has no field offline_method. Did you mean "
    "offline_methods?",
    "- upsrt: bng/customer": "1:3: steps.1: upsrt is no word of a step. Did you mean upsert?",
    "- switch: order.state": "1:3: steps.1: switch is no word of a step. Write choose.",
    "- delete: bng/customer": "1:3: steps.1: delete is no word of a step. Nothing is deleted at a target",
    "- skip: a\n  dead: b": "2:3: steps.1: skip and dead are two steps.",
    "- skip: a\n  mapping: b": "2:3: steps.1: mapping does not go with skip. Beside skip there may be when.",
    "- name: b\n  call: byer\n  with: {order: order}": "2:9: steps.b: byer is no operation. Did you mean buyer?",
    "- call: buyer\n  with: {order: order}": "1:3: steps.1: has no name: what it answers would be lost.",
    "- name: b\n  call: buyer": "1:3: steps.b: buyer needs order. It stands under with.",
    "- name: b\n  call: buyer\n  with: {ordr: order}": "3:10: steps.b: ordr is no part of buyer. Did you mean order?",
    "- name: b\n  call: binding\n  with: {record: sales_ordr, id: '1'}": "3:18: steps.b: sales_ordr is no record's word. "
    "Did you mean sales_order?",
    "- name: b\n  call: binding\n  with: {record: sales_order, id: order}": "3:35: steps.b: id is to be the kind text, "
    "this is magento/order.",
    "- name: b\n  call: shop_order": "2:9: steps.b: shop_order needs the order that a sales order came from: magento/order "
    "has none.",
    BUYER + BUYER: "4:9: steps.buyer: buyer is set already, in line 1.",
    "- name: order\n  call: buyer\n  with: {order: order}": "1:9: steps.order: order is taken already.",
    "- upsert: bng/custmer\n  mapping: a": "1:11: steps.1: bng/custmer is no record that a flow may write. Did you mean "
    "bng/customer?",
    "- cancel: bng/customer": "1:11: steps.1: bng/customer has no cancel. It has upsert, create, update.",
    "- create: magento/shipment\n  mapping: a": "1:11: steps.1: magento/shipment is not written by a flow of magento/order.",
    "- create: bng/customer\n  mapping: a": "1:3: steps.1: of is missing: which customer of the shop it is.",
    "- upsert: bng/sales_order\n  of: order.entity_id\n  mapping: a": "2:3: steps.1: bng/sales_order is the event's own "
    "here: of is not said.",
    "- upsert: bng/sales_order": "1:3: steps.1: has neither mapping nor fields: nothing would be written.",
    "- upsert: bng/sales_order\n  fields: {CustomerID: order.state}": "2:11: steps.1.fields: bng/sales_order requires "
    "Currency, Lines, OrderDate, Total, which no rule gives.",
    "- update: bng/customer\n  of: order.customer_id\n  fields: {Status: {default: a}}": "1:3: steps.1: bng/customer has no "
    "update in a flow of magento/order: an old one would undo what is newer there. It has create.",
    "- upsert: bng/customer\n  of: order.customer_id\n  mapping: order-to-customer": "1:3: steps.1: bng/customer has no "
    "upsert in a flow of magento/order",
    f"{SALES_ORDER}  instead_of: order.entity_id": "4:3: steps.1: instead_of does not go with upsert.",
    SALES_ORDER.replace("upsert", "create") + "  instead_of: order.entity_id": "4:3: steps.1: instead_of does not go with "
    "bng/sales_order: only a customer is made anew.",
    f"{SALES_ORDER}  merge: order-to-sales-order": "4:3: steps.1: merge does not go with upsert of bng/sales_order here.",
    f"{SALES_ORDER}  adopt: order.entity_id": "4:3: steps.1: adopt does not go with bng/sales_order",
    SALES_ORDER + SHIPS: "4:4: steps.2: bng/sales_order is written in line 1 already: each run would send both. Put the "
    "field under `fields` of the upsert; what excludes each other stands in branches of one choose.",
    SALES_ORDER + SHIPS.replace("}}}", "}}, when: order.state == 'new'}"): "4:4: steps.2: bng/sales_order is written in "
    "line 1 already",
    f"- choose:\n    - when: order.state == 'new'\n      steps: [{SHIP_VIA}]\n{SHIPS}": "4:4: steps.2: bng/sales_order is "
    "written in line 3 already",
    f"{SALES_ORDER}  catch:\n    - error: absent\n      steps: [{SHIP_VIA}]\n      then: again": "1:3: steps.1: "
    "bng/sales_order is written in line 6 already",
    "- update: bng/sales_order\n  fields: {ShpVia: {default: a}}": "2:12: steps.1.fields.ShpVia: bng/sales_order has no "
    "field ShpVia. Did you mean ShipVia?",
    "- upsert: bng/sales_order\n  mapping: a\n  context: {external_id: order.state}": "3:13: steps.1: external_id is given "
    "to every mapping of bng/sales_order already.",
    "- hold: wait\n  for: soon": "2:8: steps.1: a time is wanted, a number and s, min, h or d. Such as 30 s.",
    "- hold: wait\n  for: 30 d": "2:8: steps.1: is not between 0 and 7 d.",
    "- hold: wait\n  problem: awaiting-paymnt": "2:12: steps.1: awaiting-paymnt is no kind of waiting. Did you mean "
    "awaiting-payment?",
    "- dead: no\n  problem: Two words": "2:12: steps.1: problem is a word of small letters, digits and -.",
    CUSTOMER + "  retry: {first: 5 min, most: 5 s}": "4:31: steps.1: most is shorter than first.",
    CUSTOMER + "  retry: {first: 5 s}": "4:10: steps.1: first and most are wanted",
    CUSTOMER + "  catch: [{error: unknwn-customer, then: again}]": "4:19: steps.1: unknwn-customer is no kind of failure. "
    "Did you mean unknown-customer?",
    CUSTOMER + "  catch: [{error: outcome-unknown, then: continue}]": "4:19: steps.1: outcome-unknown is never caught: it "
    "is waited for. Only then is it known that nothing is lost.",
    CUSTOMER + "  catch: [{error: absent}]": "4:11: steps.1: then is missing: again, continue, end.",
    CUSTOMER + "  catch: [{error: absent, then: agian}]": "4:33: steps.1: agian is no way to go on. Did you mean again?",
    CUSTOMER + "  catch: [{error: absent, then: end}, {error: absent, then: end}]": "4:39: steps.1: is never reached: a "
    "catch before it takes every absent.",
    CUSTOMER + "  catch:\n    - error: absent\n      steps: [{raise: error}]\n      then: again": "7:7: steps.1: is never "
    "reached: the steps above it end the flow in every case.",
    "- raise: error": "1:3: steps.1: raise stands in the steps of a catch. Elsewhere write dead, or hold.",
    CUSTOMER + "  reads: [{hold: a}]": "4:3: steps.1: end the flow in every case: nothing would be written.",
    CUSTOMER + "  reads: [{skip: a}]": "4:12: steps.1.reads.1: skip does not stand under reads: call, hold and dead do.",
    f"{CUSTOMER}{ASKED}        - error: absent\n          steps: [{{skip: a}}]\n          then: continue": "10:20: "
    "steps.1.reads.known.catch[1].1: skip does not stand under reads",
    f"{CUSTOMER}{ASKED}        - error: absent\n          steps: [{SHIP_VIA}]\n          then: continue": "10:20: "
    "steps.1.reads.known.catch[1].1: update does not stand under reads",
    f"{CUSTOMER}{ASKED}        - {{error: absent, then: end}}": "9:33: steps.1.reads.known: end does not stand under reads: "
    "the record would be written all the same.",
    "- emit: bng/inventory\n  with: {skus: [], warehouse: ''}": "1:9: steps.1: bng/inventory is no event that a flow may "
    "have looked at.",
    "- skip": "1:3: steps.1: a step is KEY: VALUE lines.",
}  # fmt: skip


@pytest.mark.parametrize(("steps", "found"), MISTAKES.items())
def test_a_mistake_is_said_with_its_place(steps: str, found: str) -> None:
    said = mistakes(steps)
    assert len(said) == 1, said
    assert said[0].startswith(found), said[0]


@pytest.mark.parametrize(
    ("head", "found"),
    [
        ("let: {}", "1:1: on, steps is missing at the top."),
        ("on: {event: magento/order, ordered_by: order}\nsteps: []",
         "2:8: steps: a list is wanted, each step with a - before it."),
        ("on: {ordered_by: order}\nsteps: []", "1:5: on: event is missing."),
        ("on: {event: magento/order}\nsteps: []", "1:5: on: ordered_by is missing."),
        (f"{AT_BNG}steps:\n- update: magento/customer\n  mapping: bng-customer-to-customer", "5:3: steps.1: merge is miss"),
        (f"{AT_BNG}steps:\n- upsert: magento/customer", "5:11: steps.1: magento/customer has no upsert. It has update."),
        (f"{SHOP_CUSTOMER}steps:\n- upsert: bng/customer\n  mapping: customer-to-customer\n  merge: other",
         "7:10: steps.1: merge names the step's own mapping: it is the one to BNG."),
        ("on: {event: magento/ordr, ordered_by: order}\nsteps: []",
         "1:13: on: magento/ordr is no event. Did you mean magento/order?"),
        ("on: {event: magento/order, ordered_by: order, when: order.stat}\nsteps: []",
         "1:59: on: magento/order has no field stat. Did you mean state?"),
        ("on: {event: magento/order, ordered_by: customer}\nsteps: []",
         "1:40: on: magento/order is ordered by order: the capture says so, and a file cannot change it."),
        ("on: {event: magento/order, ordered_by: order, kind: tombston}\nsteps: []",
         "1:53: on: tombston is no kind of event. Did you mean tombstone?"),
        ("on: {event: bng/shipment, ordered_by: order, kind: snapshot}\nsteps: []", "1:46: on: bng/shipment has no kinds."),
        ("on: {event: bng/inventory_item, ordered_by: stock}\nsteps: []",
         "1:5: on: sites is missing: for which sites the steps run."),
        ("on: {event: magento/order, ordered_by: order, sites: site}\nsteps: []", "1:47: on: magento/order is of one site."),
        ("on: {event: magento/order, ordered_by: order}\nlet: {a: b, b: order.state}\nsteps: [{skip: a}]",
         "2:10: let.a: b is set where it does not count here (line 2). What is used must be set before it."),
        ("on: {event: magento/order, ordered_by: order}\nwhen: a\nsteps: [{skip: a}]",
         "2:1: when: when is no part of a flow file."),
        ("on: {event: magento/order, ordered_by: order}\nsteps: &a\n  - choose: [{steps: *a}]",
         "2:8: an anchor that contains itself, or too many levels."),
        (f"{STOCK}  sites: site\n  no_site: none\nsteps:\n- {SOURCE_ITEM}\n  mapping: inventory-item-to-source-item",
         "9:12: steps.1: of bng/inventory_item only SKU and Warehouse are told. Say under document what is to be mapped."),
        (STOCK + "  sites: site\n  no_site: none\nsteps: [{skip: a, when: inventory_item.QuantityOnHand}]",
         "6:40: steps.1: what is told of bng/inventory_item has no field QuantityOnHand."),
    ],
)  # fmt: skip
def test_a_mistake_at_the_head_is_said_with_its_place(head: str, found: str) -> None:
    said = mistakes(head, head="")
    assert any(found in each for each in said), said


@pytest.mark.parametrize(
    "steps",
    [
        "- choose:\n    - when: order.state\n      steps: [{skip: a}]\n- end: b",
        "- choose: [{steps: [{skip: a}]}]\n  when: order.state\n- end: b",
        (
            "- choose:\n    - when: order.state\n      steps: [{skip: a, when: order.status}]\n"
            "    - steps: [{skip: a}]\n- end: b"
        ),
        "- skip: a\n  when: order.state\n- hold: b\n  when: order.state\n- dead: c",
        CUSTOMER + "  catch: [{error: absent, when: error.message, then: end}, {error: absent, then: end}]",
        f"{CUSTOMER}{ASKED}        - {{error: absent, steps: [{{raise: error}}]}}",
        f"{CUSTOMER}{ASKED}        - {{error: absent, then: continue}}",
        SALES_ORDER.replace("upsert", "create") + SHIPS,
        f"{SALES_ORDER}  catch: [{{error: absent, then: again}}]",
        f"{SALES_ORDER}  catch: [{{error: absent, steps: [{SHIP_VIA}], then: continue}}]",
        f"- choose:\n    - when: order.state == 'new'\n      steps: [{SHIP_VIA}]\n    - steps: [{SHIP_VIA}]",
        f"- choose:\n    - when: order.state == 'new'\n      steps: [{SHIP_VIA}, {{skip: a}}]\n{SHIPS}",
    ],
)
def test_what_may_be_reached_is_no_mistake(steps: str) -> None:
    assert mistakes(steps) == []


def test_records_that_are_named_otherwise_are_two_and_may_both_be_written() -> None:
    head = STOCK + "  sites: site\n  no_site: none\nsteps:\n"
    write = (
        f"- {SOURCE_ITEM}\n  fields: {{sku: inventory_item.SKU, source_code: site.name, quantity: '1', status: '1'}}\n"
    )
    other = write.replace("source_code: site.name}", "source_code: \"'b'\"}")
    assert mistakes(write + other, head=head) == []
    (found,) = mistakes(write + write, head=head)
    assert found.startswith("4:3: steps.2: magento/source_item is written in line 1 already")


def test_all_mistakes_of_a_file_are_said_at_once() -> None:
    assert len(mistakes("- skip: '{order.a}'\n  when: order.b\n- hold: '{order.c}'\n  when: order.d\n- goto: 1\n")) == 3


def test_a_step_with_a_mistake_makes_no_mistakes_of_those_that_use_its_name() -> None:
    assert len(mistakes("- {name: buyer, call: byer, with: {order: order}}\n- skip: '{buyer.source_id}'\n")) == 1


def test_a_file_that_multiplies_itself_by_anchors_is_refused() -> None:
    lines = ["- choose: [{steps: &a0 [{skip: a, when: order.state}]}]"]
    for level in range(1, 7):
        inner = ", ".join(f"{{when: order.state, steps: *a{level - 1}}}" for _ in range(10))
        lines.append(f"- choose: [{{steps: &a{level} [{{choose: [{inner}]}}]}}]")
    assert any(f"at most {MOST_STEPS} steps" in line for line in mistakes("\n".join(lines)))


def test_levels_of_steps_are_bounded() -> None:
    assert nested_mistakes(3) == []
    assert any(f"more than {MOST_LEVELS} levels" in line for line in nested_mistakes(4))


def nested_mistakes(count: int) -> list[str]:
    """Of that many `choose` within each other."""
    steps = "{skip: a}"
    for _ in range(count):
        steps = f"{{choose: [{{steps: [{steps}]}}]}}"
    return mistakes(f"- {steps}")


# ── mistakes that only the whole set shows ──


def own(folder: Path, name: str, text: str) -> list[str]:
    (folder / f"{name}.yaml").write_text(text)
    with pytest.raises(MappingFileError) as refused:
        load_flows(folder, ())
    return [str(each).removeprefix(f"{folder}/") for each in refused.value.findings]


FOR_EVER = "Each flow would have the next one run, for ever."


def test_a_flow_that_has_its_own_event_looked_at_again_is_a_loop(tmp_path: Path) -> None:
    text = STOCK + "  sites: site\n  no_site: none\nsteps:\n- emit: bng/inventory_item\n"
    (found,) = own(tmp_path, "stock-to-source-items", text + "  with: {skus: \"['a']\", warehouse: \"'b'\"}\n")
    loop = "bng/inventory_item → bng/inventory_item"
    assert found == f"stock-to-source-items.yaml:7:9: emit: is a loop: {loop}. {FOR_EVER}"


def test_flows_that_have_each_other_run_are_a_loop_at_each_of_their_emits(tmp_path: Path) -> None:
    text = STOCK + "  sites: site\n  no_site: none\nsteps:\n- emit: bng/shipment\n"
    found = own(tmp_path, "stock-to-source-items", text + "  with: {id: \"'a'\", sales_order_id: \"'b'\"}\n")
    loops = (
        "bng/inventory_item → bng/shipment → bng/inventory_item",
        "bng/shipment → bng/inventory_item → bng/shipment",
    )
    assert sorted(each.split(": ", 1)[1] for each in found) == [
        f"emit: is a loop: {loop}. {FOR_EVER}" for loop in loops
    ]
    assert {each.split(":")[0].rpartition("/")[2] for each in found} == {
        "stock-to-source-items.yaml", "shipment-to-shipment.yaml",
    }  # fmt: skip


def test_a_second_flow_for_an_event_says_what_it_is_to_be_called(tmp_path: Path) -> None:
    text = "on: {event: magento/order, ordered_by: order}\nsteps: [{skip: a}]\n"
    (found,) = own(tmp_path, "my-orders", text)
    name = "order-to-sales-order.yaml"
    what = f"magento/order (snapshot) starts {name} already."
    assert found == f"my-orders.yaml:1:1: on: {what} To take its place, call this file {name}."


def test_a_file_that_leaves_events_of_the_template_without_a_flow_says_so(tmp_path: Path) -> None:
    text = "on: {event: magento/customer, ordered_by: customer}\nsteps: [{skip: a}]\n"
    (found,) = own(tmp_path, "customer-to-customer", text)
    left_out = "magento/customer (tombstone) starts no flow any more: the shipped customer-to-customer.yaml takes it."
    hint = "Add kind: [snapshot, tombstone], or a step `skip`."
    assert found == f"customer-to-customer.yaml:1:1: on: {left_out} {hint}"
    deleted = "on: {event: magento/customer, kind: tombstone, ordered_by: customer}\nsteps: [{skip: a}]\n"
    (tmp_path / "deleted.yaml").write_text(deleted)
    assert load_flows(tmp_path, ("shop1",))("shop1", "magento/customer", "tombstone") is not None


def test_a_file_of_another_event_under_a_template_s_name_says_what_it_left_out(tmp_path: Path) -> None:
    text = "on: {event: magento/order, kind: tombstone, ordered_by: order}\nsteps: [{skip: a}]\n"
    (found,) = own(tmp_path, "status-to-order", text)
    assert "bng/sales_order (hint) starts no flow any more" in found
    assert found.endswith("Call this file otherwise, or put one with a step `skip` beside it.")


def test_the_shipped_flows_are_good_together() -> None:
    loaded = {("", path.stem): load(path) for path in templates.folder().glob("*.yaml")}
    assert len(loaded) == len(list(templates.folder().glob("*.yaml")))
    assert flow_set(loaded, ("shop1",), frozenset()).files()
