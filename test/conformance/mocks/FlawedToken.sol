// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice An asset with the flaws that real ones have: no return value or a false one, refusal of zero amounts, block
/// lists, a pause, balances that are rebased, metadata that is missing. Anyone may do anything with it.
contract FlawedToken {
    enum Answer {
        True,
        Nothing,
        False
    }
    enum Metadata {
        Declared,
        Missing,
        Reverting,
        TooLarge
    }

    event Transfer(address indexed from, address indexed to, uint256 amount);
    event Approval(address indexed owner, address indexed spender, uint256 amount);

    error Refused();

    mapping(address account => uint256) public parts;
    mapping(address owner => mapping(address spender => uint256)) public allowance;
    mapping(address account => bool) public isBlocked;
    /// @notice Balance of a part, 1e18 = one.
    uint256 public indexWad = 1e18;
    bool public isPaused;
    bool public refusesZero;
    Answer public answer;
    Metadata public metadata;

    uint8 private immutable _DECIMALS;

    constructor(uint8 decimals_) {
        _DECIMALS = decimals_;
    }

    function setAnswer(Answer answer_) external {
        answer = answer_;
    }

    function setMetadata(Metadata metadata_) external {
        metadata = metadata_;
    }

    function setRefusesZero(bool refusesZero_) external {
        refusesZero = refusesZero_;
    }

    function setPaused(bool isPaused_) external {
        isPaused = isPaused_;
    }

    function setBlocked(address account, bool isBlocked_) external {
        isBlocked[account] = isBlocked_;
    }

    function rebase(uint256 indexWad_) external {
        indexWad = indexWad_;
    }

    function mint(address to, uint256 amount) external {
        parts[to] += amount * 1e18 / indexWad;
        emit Transfer(address(0), to, amount);
    }

    function burn(address from, uint256 amount) external {
        parts[from] -= amount * 1e18 / indexWad;
        emit Transfer(from, address(0), amount);
    }

    /// @dev Ends the call itself, with or without an answer.
    function transfer(address to, uint256 amount) external {
        _move(msg.sender, to, amount);
        _end();
    }

    function transferFrom(address from, address to, uint256 amount) external {
        uint256 allowed = allowance[from][msg.sender];
        if (allowed < amount) revert Refused();
        if (allowed != type(uint256).max) allowance[from][msg.sender] = allowed - amount;
        _move(from, to, amount);
        _end();
    }

    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
        emit Approval(msg.sender, spender, amount);
        _end();
    }

    function balanceOf(address account) external view returns (uint256) {
        return parts[account] * indexWad / 1e18;
    }

    function decimals() external view {
        if (metadata == Metadata.Reverting) revert Refused();
        if (metadata == Metadata.Missing) _answer(0, 0);
        _answer(metadata == Metadata.TooLarge ? 256 : _DECIMALS, 32);
    }

    function _move(address from, address to, uint256 amount) private {
        if (isPaused || isBlocked[from] || isBlocked[to] || (refusesZero && amount == 0)) revert Refused();
        // Says that it did not, and did not.
        if (answer == Answer.False) return;
        uint256 moved = amount * 1e18 / indexWad;
        parts[from] -= moved;
        parts[to] += moved;
        emit Transfer(from, to, amount);
    }

    function _end() private view {
        _answer(answer == Answer.False ? 0 : 1, answer == Answer.Nothing ? 0 : 32);
    }

    function _answer(uint256 word, uint256 length) private pure {
        assembly ("memory-safe") {
            mstore(0x00, word)
            return(0x00, length)
        }
    }
}
