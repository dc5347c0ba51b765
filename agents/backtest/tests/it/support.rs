//! Histories as text, and backtests over them.

use vagus_backtest::{
    Backtest, Outcome, Rules,
    generate::Generator,
    history::{Block, Reader, Summary, Writer},
};

/// The lines of a history.
pub(crate) fn lines(generator: Generator, count: usize) -> Vec<String> {
    let mut writer = Writer::new(generator.head());
    let mut lines = vec![writer.head().unwrap()];
    lines.extend(generator.take(count).map(|block| writer.block(&block).unwrap()));
    lines.push(writer.end());
    lines
}

/// What a text says it is, and its blocks.
pub(crate) fn read(
    lines: &[String],
) -> Result<(Summary, Vec<Block>), vagus_backtest::HistoryError> {
    let mut reader = Reader::new(lines.first().map_or("", String::as_str))?;
    let mut blocks = Vec::new();
    for line in lines.iter().skip(1) {
        blocks.extend(reader.read(line)?);
    }
    Ok((reader.finish()?, blocks))
}

pub(crate) fn backtest(summary: &Summary, blocks: &[Block], rules: Rules) -> Outcome {
    let mut backtest = Backtest::new(summary, rules);
    for block in blocks {
        backtest.step(block.clone()).unwrap();
    }
    backtest.finish().unwrap()
}
