"""The heads of the networks that leave a fold out, in one file: with them, features become logits.

The features of a case are the mean over its views, and a head is linear, so that its output is
the mean of the views' logits.
"""

import json
import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from safetensors import SafetensorError, safe_open

from microcalc.core.errors import StudyError
from microcalc.core.files import digest_value, named_when_damaged
from microcalc.features import backbone, columns
from microcalc.features.weights import write_tensors

Path = str | os.PathLike[str]


def join(trained: Sequence[Path], prepared: Sequence[Path], path: Path) -> None:
    """Write the heads of trained networks, and whose features they take.

    Parameters
    ----------
    trained
        What `network.update` wrote, one file for each network.
    prepared
        The same networks' weights as the rule prepare_weights made them, in the same order.
    path
        The safetensors file: `weight`, shape (K, d), and `bias`, shape (K,); its metadata are
        those of a weights file, and `bodies`, the digests of the prepared weights.

    Raises
    ------
    StudyError
        When a file is damaged or no weights file that MicroCalc prepared.
    """
    found = [backbone.describe(file) for file in trained]
    bodies = [backbone.describe(file).digest for file in prepared]
    head = backbone.head_name(found[0].backbone)
    parts: dict[str, list[torch.Tensor]] = {"weight": [], "bias": []}
    for file in trained:
        with safe_open(file, framework="pt") as opened:
            for part, tensors in parts.items():
                tensors.append(opened.get_tensor(f"{head}.{part}"))
    metadata = {
        "backbone": found[0].backbone,
        "source": f"{found[0].source}, and {len(found) - 1} more folds: the mean of their logits",
        "digest": digest_value([entry.digest for entry in found]),
        "preprocessing": found[0].preprocessing.to_json(),
        "bodies": json.dumps(bodies),
    }
    write_tensors({part: torch.cat(tensors) for part, tensors in parts.items()}, metadata, path)


def logits(
    name: str, heads_path: Path, prepared: Sequence[Path], tables: Sequence[pd.DataFrame]
) -> pd.DataFrame:
    """Return the logit of each case by each network.

    Parameters
    ----------
    name
        The set's.
    heads_path
        What `join` wrote.
    prepared
        The networks' prepared weights.
    tables
        Their features: case_id, n_views, then the features.

    Returns
    -------
    DataFrame
        case_id, n_views, and a column per network: tuned_logit_0000, ... (float32).

    Raises
    ------
    StudyError
        When a file is damaged, a network is another than the one that a head was trained with, or
        their features are of different cases.
    """
    with named_when_damaged(heads_path, SafetensorError), safe_open(heads_path, "pt") as file:
        bodies = json.loads((file.metadata() or {})["bodies"])
        weight, bias = (file.get_tensor(part).double().numpy() for part in ("weight", "bias"))
    for k, (path, body) in enumerate(zip(prepared, bodies, strict=True)):
        if backbone.describe(path).digest != body:
            raise StudyError(
                f"{os.path.basename(heads_path)}: head {k} was trained with another network than "
                "the one whose features it is given; run again with --forcerun join_heads"
            )
    first = tables[0]
    scores = [_column(table, first, weight[k], bias[k]) for k, table in enumerate(tables)]
    names = columns.of_set(f"{name}_logit", columns.numbered(len(scores)))
    values = pd.DataFrame(np.column_stack(scores).astype(np.float32), columns=names)
    return pd.concat([first[["case_id", "n_views"]].reset_index(drop=True), values], axis=1)


def _column(
    table: pd.DataFrame, first: pd.DataFrame, weight: npt.NDArray[np.float64], bias: float
) -> npt.NDArray[np.float64]:
    if table["case_id"].tolist() != first["case_id"].tolist():
        raise StudyError("the networks' features are of different cases; extract them again")
    features = table.drop(columns=["case_id", "n_views"]).to_numpy(dtype=np.float64)
    result: npt.NDArray[np.float64] = features @ weight + bias
    return result


def side_by_side(name: str, tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the features of several networks in one table, the first network's first.

    Parameters
    ----------
    name
        The set's.
    tables
        case_id, n_views and the features of the same cases, all of one width.

    Returns
    -------
    pandas.DataFrame
        case_id, n_views, and the features numbered through: tuned_0000, ...

    Raises
    ------
    ValueError
        When the tables are of different numbers of cases.
    """
    blocks = [table.drop(columns=["case_id", "n_views"]).to_numpy() for table in tables]
    values = np.hstack(blocks)
    names = columns.of_set(name, columns.numbered(values.shape[1]))
    leading = tables[0][["case_id", "n_views"]]
    return pd.concat([leading, pd.DataFrame(values, columns=names)], axis=1)
