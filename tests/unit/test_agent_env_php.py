"""Reading the shop's env.php."""

from pathlib import Path

import pytest

from bridge_common.errors import ConfigError
from magento_agent.env_php import parse, read

FULL = r"""<?php
/* written by Magento */
return array (
  'db' => array (
    'table_prefix' => 'm2_',
    'connection' => array (
      'default' => array (
        'host' => 'localhost',  # the socket
        'dbname' => 'shop',
        'username' => 'magento',
        'password' => 'it\'s a \\ "secret" => [1]',
        'initStatements' => 'SET NAMES utf8;',
        'active' => '1',
        'options' => [PDO_X => true],
      ),
    ),
  ),
);
"""


def test_the_account_is_found_in_the_old_form_of_arrays(tmp_path: Path) -> None:
    path = tmp_path / "env.php"
    path.write_text(FULL.replace("PDO_X", "1014"))
    found = read(path)
    assert (found.user, found.database, found.host, found.table_prefix) == ("magento", "shop", "localhost", "m2_")
    assert found.password == 'it\'s a \\ "secret" => [1]'


def test_lists_numbers_and_words_are_read() -> None:
    assert parse("<?php return ['a' => [1, -2.5, true, NULL], \"b\" => []];") == {
        "a": {0: 1, 1: -2.5, 2: True, 3: None},
        "b": {},
    }


@pytest.mark.parametrize(
    "text", ["", "<?php echo 1;", "<?php return [;", FULL, "<?php return ['db' => 1];", "<?php return ["]
)
def test_what_is_not_understood_is_told_with_a_way_out(tmp_path: Path, text: str) -> None:
    path = tmp_path / "env.php"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"has no readable db/connection/default") as caught:
        read(path)
    assert "user and password_file" in caught.value.hint
