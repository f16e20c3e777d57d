"""The triggers' text."""

from magento_agent.triggers import CAPTURES, is_ours, is_subscription, triggers_of


def test_names_fit_into_the_servers_limit_with_the_longest_prefix() -> None:
    names = [trigger.name for capture in CAPTURES for trigger in triggers_of(capture, "p" * 20)]
    assert len(set(names)) == 3 * len(CAPTURES)
    assert max(map(len, names)) <= 64


def test_every_body_swallows_its_own_errors() -> None:
    for capture in CAPTURES:
        for trigger in triggers_of(capture, ""):
            assert "DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;" in trigger.body


def test_ours_are_told_from_others() -> None:
    trigger = triggers_of(CAPTURES[0], "m2_")[0]
    assert is_ours(trigger.name, trigger.body, "m2_")
    assert not is_ours(trigger.name, trigger.body, "m3_")
    assert not is_ours("erp_sync", trigger.body, "m2_")
    assert not is_ours(trigger.name, "SET @x = 1", "m2_")


def test_a_subscription_is_known_by_its_name_or_by_its_changelog() -> None:
    assert is_subscription("trg_sales_order_after_insert", "", "sales_order")
    assert not is_subscription("trg_sales_order_after_insert", "", "sales_order_grid")
    assert is_subscription("trg_5f4dcc3b", "BEGIN INSERT IGNORE INTO `sales_order_data_exporter_cl` (…)", "sales_order")
