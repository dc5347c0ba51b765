//! What a file says of its own names and units: `[asset]` and `[names]`. Neither is part of the policy, nor of its hash.

use alloy_primitives::Address;

use super::{
    Context, Named, PolicyError,
    reader::{Table, Value},
    text::Problem,
};

/// Most decimals of an asset that a vault takes.
const MOST_DECIMALS: u8 = 27;
const ASSET: &str =
    "[asset] with symbol and decimals, such as asset = { symbol = \"USDC\", decimals = 6 }";
const NAMED: &str = "an address, or { address = \"0x…\", decimals = 6 } for a strategy";

/// The meaning of names and units: what is `known`, and what the file says itself, which may add and not contradict.
pub(super) fn context(root: &Table<'_>, known: Option<&Context>) -> Result<Context, PolicyError> {
    let mut context = asset(root, known)?;
    let Some(names) = root.optional("names") else { return Ok(context) };
    for (name, value) in names.entries()? {
        let named = named(&name, &value)?;
        let earlier = context.names.insert(name.clone(), named);
        let Some(earlier) = earlier else { continue };
        if earlier.address != named.address {
            let problem = format!("{name:?} is {}", named.address);
            let expected = format!("{}, which it means for this treasury", earlier.address);
            return Err(value.fail(Problem::new(problem, expected)));
        }
        if let (Some(told), Some(known)) = (named.share_decimals, earlier.share_decimals)
            && told != known
        {
            let problem = format!("the shares of {name:?} have {told} decimals");
            return Err(value.fail(Problem::new(problem, format!("{known}, as they have"))));
        }
        let share_decimals = named.share_decimals.or(earlier.share_decimals);
        context.names.insert(name, Named { share_decimals, ..named });
    }
    Ok(context)
}

fn asset(root: &Table<'_>, known: Option<&Context>) -> Result<Context, PolicyError> {
    let table = match (root.optional("asset"), known) {
        (None, Some(known)) => return Ok(known.clone()),
        (None, None) => root.required("asset", ASSET)?,
        (Some(table), _) => table,
    };
    let table = table.table(&["symbol", "decimals"])?;
    let symbol_value = table.required("symbol", ASSET)?;
    let symbol = symbol_value.read(|text| {
        let is_unit = !text.is_empty() && text != "units" && !text.contains(is_odd);
        if is_unit {
            return Ok(text.to_owned());
        }
        Err(Problem::new(format!("{text:?} is no symbol"), "a word such as \"USDC\""))
    })?;
    let decimals_value = table.required("decimals", ASSET)?;
    let decimals = decimals(&decimals_value, MOST_DECIMALS)?;
    let Some(known) = known else { return Ok(Context::new(symbol, decimals)) };
    if symbol != known.symbol {
        let problem = Problem::new(format!("is {symbol:?}"), format!("{:?}", known.symbol));
        return Err(symbol_value.fail(problem));
    }
    if decimals != known.decimals {
        let problem = Problem::new(format!("is {decimals}"), known.decimals.to_string());
        return Err(decimals_value.fail(problem));
    }
    Ok(known.clone())
}

fn is_odd(character: char) -> bool {
    character.is_whitespace() || character.is_control()
}

fn named(name: &str, value: &Value<'_>) -> Result<Named, PolicyError> {
    if !is_name(name) {
        let expected = "a name that is not empty and begins with neither \"0x\" nor \"${\"";
        return Err(value.fail(Problem::new(format!("{name:?} is no name"), expected)));
    }
    if !value.is_table() {
        let address = value.text(NAMED)?;
        let address = super::read::literal_address(&address);
        return Ok(Named {
            address: address.map_err(|problem| value.fail(problem))?,
            share_decimals: None,
        });
    }
    let table = value.clone().table(&["address", "decimals"])?;
    let address: Address = table.required("address", NAMED)?.read(super::read::literal_address)?;
    let share_decimals = match table.optional("decimals") {
        None => None,
        Some(value) => Some(decimals(&value, u8::MAX)?),
    };
    Ok(Named { address, share_decimals })
}

/// Whether a reader would take it for a name, and not for an address.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with("0x")
        && !text.starts_with("${")
        && !text.contains(char::is_control)
}

fn decimals(value: &Value<'_>, most: u8) -> Result<u8, PolicyError> {
    let number = value.number()?;
    u8::try_from(number).ok().filter(|number| *number <= most).ok_or_else(|| {
        value.fail(Problem::new(format!("{number} is too many"), format!("at most {most}")))
    })
}
